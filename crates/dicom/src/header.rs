//! An object's attributes without its pixels.

use crate::InspectError;
use dicom_object::InMemDicomObject;
use lightbox_domain::AttributeSource;
use std::path::Path;

/// An object's attributes up to its pixel data; texts are decoded to UTF-8.
#[derive(Clone, Debug)]
pub struct Header {
    object: InMemDicomObject,
    transfer_syntax_uid: String,
}

impl Header {
    /// Reads the attributes of a Part 10 file.
    ///
    /// # Errors
    /// [`InspectError`] when the file cannot be read.
    pub fn read(path: &Path) -> Result<Self, InspectError> {
        let _ = path;
        todo!()
    }

    /// The attributes; values of more than a mebibyte and pixel data are left out.
    #[must_use]
    pub fn object(&self) -> &InMemDicomObject {
        &self.object
    }

    /// The syntax in which the file is stored.
    #[must_use]
    pub fn transfer_syntax_uid(&self) -> &str {
        &self.transfer_syntax_uid
    }

    /// The first value of an attribute by keyword of PS3.6; empty when absent.
    #[must_use]
    pub fn text(&self, keyword: &str) -> String {
        self.values(keyword).into_iter().next().unwrap_or_default()
    }
}

impl AttributeSource for Header {
    fn values(&self, keyword: &str) -> Vec<String> {
        let _ = keyword;
        todo!()
    }
}
