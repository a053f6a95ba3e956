//! Another transfer syntax for an object on its way out, for a peer or a client that does not take the one it is stored in.
//!
//! The stored file is read once more and written element by element, so that an object of any size takes the memory of a
//! frame or two. What stays and what changes:
//!
//! - Values stay byte for byte, but for byte order, and for a byte of padding where a length was odd. Sequences and items
//!   say their lengths where they did, unless they are very long; group lengths go, as they are retired and would be wrong
//!   (PS3.5 §7.2).
//! - From implicit to explicit VR, the dictionary says the VR; an element that it does not know becomes `UN`
//!   (PS3.5 §6.2.2), and so does a value that is too long for the VR that it should have.
//! - `SOPInstanceUID` stays. All that is written here is native or compressed without loss; only compression with loss
//!   makes a new instance (PS3.3 §C.7.6.1.1.5).
//! - Pixels that were compressed with loss are only ever decompressed, and `LossyImageCompression` says so from then on.
//! - Group 0028 describes what is written: decoded JPEG is `RGB`, compressed colours lie pixel by pixel, and subsampled
//!   ones, which no lossless codec takes, are spread to `YBR_FULL`. Bits above the stored ones (overlays of old, PS3.5
//!   §8.1.2) are kept by every syntax.
//! - Compressed frames get one fragment each and an offset table. Compressed icons are written native, as nested pixel
//!   data may be in every syntax (PS3.5 §A.4).

mod copy;
mod elements;
mod icons;
mod pixels;

use crate::object::{PixelData, text};
use crate::source::ByteSource;
use crate::syntax::{self, can_transcode};
use crate::{Header, InspectError, ObjectFile, PixelError, TranscodeError, object, part10, part10_prefix};
use copy::Copier;
use dicom_core::VR;
use dicom_dictionary_std::tags;
use elements::ElementWriter;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use icons::Icon;
use lightbox_domain::{Limits, Uid};
use pixels::{Change, FirstFrame};
use std::collections::HashMap;
use std::io::{self, BufWriter, Write};

/// Bytes that are copied at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// An object that can be written in another transfer syntax, as often as needed.
#[derive(Debug)]
pub struct Transcoded {
    file: ObjectFile,
    transfer_syntax_uid: String,
    sop_class_uid: Uid,
    sop_instance_uid: Uid,
    limits: Limits,
    plan: Plan,
    /// The VR of pixel data that are native where they are read from.
    native_vr: Option<VR>,
}

/// How the data set gets from one syntax to the other.
#[derive(Debug)]
enum Plan {
    /// It is in that syntax.
    Keep,
    /// Its elements are written anew.
    Rewrite(Rewrite),
}

/// What changes besides the encoding of the elements.
#[derive(Debug, Default)]
struct Rewrite {
    /// The pixel data of the top level, if they change.
    pixels: Option<FirstFrame>,
    /// Attributes of the top level, in the order of their tags.
    changes: Vec<Change>,
    /// Images within sequences that have to be decompressed, by where their items begin.
    icons: HashMap<u64, Icon>,
}

/// Prepares to write a stored object, with the correction that lies over it, in the syntax `to`. The first frame is converted at once, so that what cannot be done
/// is known before anything is written.
///
/// # Errors
/// [`TranscodeError::Unsupported`] when there is no way from one syntax to the other, or not for this object;
/// [`TranscodeError::Pixels`] or [`TranscodeError::Object`] when it cannot be read.
pub fn transcode(file: impl Into<ObjectFile>, to: &str, limits: &Limits) -> Result<Transcoded, TranscodeError> {
    let file = file.into();
    let header = Header::read(&file)?;
    let from = header.transfer_syntax_uid();
    if !can_transcode(from, to) {
        return Err(TranscodeError::Unsupported(format!("{from} cannot be turned into {to}")));
    }
    let plan = if from == to { Plan::Keep } else { Plan::Rewrite(plan_rewrite(&file, &header, to, limits)?) };
    let uid =
        |keyword, tag| Uid::parse(&text(header.object(), tag)).map_err(|why| InspectError::BadUid { keyword, why });
    Ok(Transcoded {
        file,
        transfer_syntax_uid: to.to_owned(),
        sop_class_uid: uid("SOPClassUID", tags::SOP_CLASS_UID)?,
        sop_instance_uid: uid("SOPInstanceUID", tags::SOP_INSTANCE_UID)?,
        limits: limits.clone(),
        plan,
        native_vr: match header.pixel_data() {
            Some(PixelData::Native { vr, .. }) => Some(*vr),
            Some(PixelData::Encapsulated { .. }) | None => None,
        },
    })
}

fn plan_rewrite(file: &ObjectFile, header: &Header, to: &str, limits: &Limits) -> Result<Rewrite, TranscodeError> {
    let from = header.transfer_syntax_uid();
    let icons = if syntax::is_encapsulated(from) { icons::read(file, limits)? } else { HashMap::new() };
    let pixels = match (header.pixel_data(), syntax::is_encapsulated(to)) {
        (None, true) => return Err(TranscodeError::Unsupported("it has no pixel data to compress".to_owned())),
        (None | Some(PixelData::Native { .. }), false) => None,
        (Some(PixelData::Encapsulated { .. }), false) => {
            Some(FirstFrame::decode(file.path(), header.native_pixel_vr(), limits)?)
        }
        (Some(_), true) => Some(FirstFrame::encode(file.path(), to, limits)?),
    };
    let changes = match &pixels {
        Some(first) => pixels::changes(header.object(), &first.module, syntax::is_lossless(from)),
        None => Vec::new(),
    };
    Ok(Rewrite { pixels, changes, icons })
}

impl Transcoded {
    /// The syntax in which it is written.
    #[must_use]
    pub fn transfer_syntax_uid(&self) -> &str {
        &self.transfer_syntax_uid
    }

    /// `SOPClassUID` of the data set.
    #[must_use]
    pub fn sop_class_uid(&self) -> &Uid {
        &self.sop_class_uid
    }

    /// `SOPInstanceUID` of the data set.
    #[must_use]
    pub fn sop_instance_uid(&self) -> &Uid {
        &self.sop_instance_uid
    }

    /// Writes a Part 10 file, whose group 0002 is ours.
    ///
    /// # Errors
    /// As [`Self::write_data_set`].
    pub fn write_file(&self, mut out: impl Write) -> Result<(), TranscodeError> {
        let transfer_syntax_uid = self.parsed_syntax()?;
        let prefix = part10_prefix(&self.sop_class_uid, &self.sop_instance_uid, &transfer_syntax_uid, "");
        out.write_all(&prefix)?;
        self.write_data_set(out)
    }

    /// Writes a Part 10 file that is kept in place of the one that it is made of: its group 0002 also says what
    /// [`transcode`] has to know to give back the data set that there was, which an encapsulated one has no place for.
    ///
    /// # Errors
    /// As [`Self::write_data_set`].
    pub fn write_kept_file(&self, mut out: impl Write) -> Result<(), TranscodeError> {
        let transfer_syntax_uid = self.parsed_syntax()?;
        let prefix =
            part10::kept_prefix(&self.sop_class_uid, &self.sop_instance_uid, &transfer_syntax_uid, self.native_vr);
        out.write_all(&prefix)?;
        self.write_data_set(out)
    }

    fn parsed_syntax(&self) -> Result<Uid, InspectError> {
        Uid::parse(&self.transfer_syntax_uid).map_err(|why| InspectError::BadUid { keyword: "TransferSyntaxUID", why })
    }

    /// Writes the data set without group 0002, as a C-STORE carries it (PS3.7 §9.3.1).
    ///
    /// # Errors
    /// [`TranscodeError`] when a later frame cannot be converted, the file is no longer there, or `out` takes no more.
    pub fn write_data_set(&self, out: impl Write) -> Result<(), TranscodeError> {
        let mut out = BufWriter::with_capacity(CHUNK_BYTES, out);
        match &self.plan {
            Plan::Keep => self.copy_stored(&mut out)?,
            Plan::Rewrite(rewrite) if self.is_deflated() => self.deflate(rewrite, &mut out)?,
            Plan::Rewrite(rewrite) => self.rewrite(rewrite, &mut out)?,
        }
        Ok(out.flush()?)
    }

    fn is_deflated(&self) -> bool {
        syntax::lookup(&self.transfer_syntax_uid).is_some_and(|syntax| syntax.deflated)
    }

    fn copy_stored(&self, out: &mut impl Write) -> Result<(), TranscodeError> {
        let mut source = ByteSource::new(Box::new(self.file.open()?))?;
        part10::read_meta_group(&mut source)?;
        let mut buffer = vec![0; CHUNK_BYTES];
        while let Some(left @ 1..) = source.remaining() {
            let count = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            source.read_exact(&mut buffer[..count])?;
            out.write_all(&buffer[..count])?;
        }
        Ok(())
    }

    /// PS3.5 §A.5: deflated as a whole, and a null byte if that makes an odd length.
    fn deflate(&self, rewrite: &Rewrite, out: &mut impl Write) -> Result<(), TranscodeError> {
        let mut deflater = DeflateEncoder::new(Counted { out, bytes: 0 }, Compression::fast());
        self.rewrite(rewrite, &mut deflater)?;
        let Counted { out, bytes } = deflater.finish()?;
        if bytes % 2 == 1 {
            out.write_all(&[0])?;
        }
        Ok(())
    }

    fn rewrite(&self, rewrite: &Rewrite, out: &mut impl Write) -> Result<(), TranscodeError> {
        let mut opened = object::open(Box::new(self.file.open()?), self.limits.inflated_bytes_max)?;
        let explicit_vr = syntax::lookup(&self.transfer_syntax_uid).is_some_and(|syntax| syntax.encoding.explicit_vr);
        let mut writer = ElementWriter::new(out, explicit_vr);
        Copier::new(self, rewrite).copy(&mut opened.walker, &mut writer)
    }
}

/// Counts the bytes that pass.
struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl From<PixelError> for TranscodeError {
    fn from(error: PixelError) -> Self {
        match error {
            PixelError::Object(error) => Self::Object(error),
            PixelError::Unsupported(what) => Self::Unsupported(what),
            other => Self::Pixels(other),
        }
    }
}
