//! An object's attributes without its pixels.

use crate::object::{self, Attributes, PixelData};
use crate::{InspectError, ObjectFile};
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;
use lightbox_domain::{AttributeSource, Limits};
use std::io::Cursor;

/// An object's attributes without its pixels; texts are decoded to UTF-8.
#[derive(Clone, Debug)]
pub struct Header {
    attributes: Attributes,
    transfer_syntax_uid: String,
    native_pixel_vr: Option<VR>,
}

impl Header {
    /// Reads the attributes of a Part 10 file, with the correction that lies over it. A deflated one may inflate to the default of `inflated_bytes_max`, which
    /// `inspect` has already enforced at the door.
    ///
    /// # Errors
    /// [`InspectError`] when the file cannot be read.
    pub fn read(file: impl Into<ObjectFile>) -> Result<Self, InspectError> {
        let reader = file.into().open()?;
        Self::from_opened(object::open(Box::new(reader), Limits::default().inflated_bytes_max)?)
    }

    /// Reads the attributes of a Part 10 file in memory.
    ///
    /// # Errors
    /// [`InspectError`] when the bytes are no whole DICOM object.
    pub fn from_bytes(part10: &[u8]) -> Result<Self, InspectError> {
        Self::from_opened(object::open(Box::new(Cursor::new(part10)), Limits::default().inflated_bytes_max)?)
    }

    fn from_opened(mut opened: object::Opened<'_>) -> Result<Self, InspectError> {
        let attributes = object::read_attributes(&mut opened.walker, |_| true)?;
        let object::Opened { transfer_syntax_uid, native_pixel_vr, .. } = opened;
        Ok(Self { attributes, transfer_syntax_uid, native_pixel_vr })
    }

    /// The attributes; values of more than a mebibyte and pixel data are left out.
    #[must_use]
    pub fn object(&self) -> &InMemDicomObject {
        &self.attributes.object
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

    /// Where the pixel data lie.
    pub(crate) fn pixel_data(&self) -> Option<&PixelData> {
        self.attributes.pixel_data.as_ref()
    }

    /// The VR of the pixel data before they were compressed here.
    pub(crate) fn native_pixel_vr(&self) -> Option<VR> {
        self.native_pixel_vr
    }

    /// Which elements of the top level were left out because of their length.
    pub(crate) fn bulk(&self) -> &[(Tag, VR)] {
        &self.attributes.bulk
    }
}

impl AttributeSource for Header {
    fn values(&self, keyword: &str) -> Vec<String> {
        let Some(entry) = StandardDataDictionary.by_name(keyword) else { return Vec::new() };
        object::texts(self.object(), entry.tag())
    }

    fn codes(&self, keyword: &str) -> Vec<String> {
        let Some(entry) = StandardDataDictionary.by_name(keyword) else { return Vec::new() };
        let code = |item: &InMemDicomObject| {
            let part = |tag| object::text(item, tag);
            format!("{}:{}", part(tags::CODING_SCHEME_DESIGNATOR), part(tags::CODE_VALUE))
        };
        object::items(self.object(), entry.tag()).iter().map(code).collect()
    }
}
