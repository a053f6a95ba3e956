//! A digital X-ray of a child that satisfies its IOD, of which a test changes what it is about.

use dicom_core::dictionary::DataDictionary;
use dicom_core::value::PrimitiveValue;
use dicom_core::{DataElement, Tag, VR, dicom_value};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use dicom_object::{FileDicomObject, FileMetaTableBuilder, InMemDicomObject};
use dicom_pixeldata::Transcode;
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};
use std::path::{Path, PathBuf};

/// Builds a Part 10 file with a *Digital X-Ray Image – For Presentation*.
pub struct Film {
    rows: u32,
    columns: u32,
    bits: u16,
    signed: bool,
    frames: u32,
    photometric: String,
    transfer_syntax_uid: String,
    pixels: Box<dyn Fn(u32, u32) -> i32>,
    changes: Vec<(Tag, Option<(VR, PrimitiveValue)>)>,
    sequences: Vec<(Tag, InMemDicomObject)>,
}

impl Default for Film {
    fn default() -> Self {
        Self::new()
    }
}

impl Film {
    /// 16 × 16 pixels of 8 bits, explicit VR little endian; stored values from 0 on the left to 255 on the right.
    #[must_use]
    pub fn new() -> Self {
        Self {
            rows: 16,
            columns: 16,
            bits: 8,
            signed: false,
            frames: 1,
            photometric: "MONOCHROME2".to_owned(),
            transfer_syntax_uid: uids::EXPLICIT_VR_LITTLE_ENDIAN.to_owned(),
            pixels: Box::new(|_, column| column.min(15) as i32 * 17),
            changes: Vec::new(),
            sequences: Vec::new(),
        }
    }

    /// Sets rows and columns.
    #[must_use]
    pub fn size(mut self, rows: u32, columns: u32) -> Self {
        (self.rows, self.columns) = (rows, columns);
        self
    }

    /// Sets the bits stored; more than 8 take 16.
    #[must_use]
    pub fn bits(mut self, bits: u16) -> Self {
        self.bits = bits;
        self
    }

    /// Makes the stored values signed.
    #[must_use]
    pub fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// Sets the number of frames; all show the same.
    #[must_use]
    pub fn frames(mut self, frames: u32) -> Self {
        self.frames = frames;
        self.set(tags::NUMBER_OF_FRAMES, VR::IS, &frames.to_string())
    }

    /// Sets `PhotometricInterpretation`, and the presentation LUT shape that goes with it.
    #[must_use]
    pub fn photometric(mut self, photometric: &str) -> Self {
        photometric.clone_into(&mut self.photometric);
        self
    }

    /// Sets the stored value of each pixel, by row and column.
    #[must_use]
    pub fn pixels(mut self, pixels: impl Fn(u32, u32) -> i32 + 'static) -> Self {
        self.pixels = Box::new(pixels);
        self
    }

    /// Sets `RescaleSlope` and `RescaleIntercept`.
    #[must_use]
    pub fn rescale(self, slope: &str, intercept: &str) -> Self {
        self.set(tags::RESCALE_SLOPE, VR::DS, slope).set(tags::RESCALE_INTERCEPT, VR::DS, intercept)
    }

    /// Sets `WindowCenter` and `WindowWidth`.
    #[must_use]
    pub fn window(self, center: &str, width: &str) -> Self {
        self.set(tags::WINDOW_CENTER, VR::DS, center).set(tags::WINDOW_WIDTH, VR::DS, width)
    }

    /// Sets `PatientAge`, such as `004Y`.
    #[must_use]
    pub fn age(self, age: &str) -> Self {
        self.set(tags::PATIENT_AGE, VR::AS, age)
    }

    /// Sets `PatientID`.
    #[must_use]
    pub fn patient_id(self, id: &str) -> Self {
        self.set(tags::PATIENT_ID, VR::LO, id)
    }

    /// Sets the UIDs of study, series and instance.
    #[must_use]
    pub fn uids(self, study: &str, series: &str, instance: &str) -> Self {
        self.set(tags::STUDY_INSTANCE_UID, VR::UI, study).set(tags::SERIES_INSTANCE_UID, VR::UI, series).set(
            tags::SOP_INSTANCE_UID,
            VR::UI,
            instance,
        )
    }

    /// Sets the transfer syntax, one that the registry can encode.
    #[must_use]
    pub fn syntax(mut self, transfer_syntax_uid: &str) -> Self {
        transfer_syntax_uid.clone_into(&mut self.transfer_syntax_uid);
        self
    }

    /// Sets an attribute to a text; a backslash divides values.
    #[must_use]
    pub fn set(self, tag: Tag, vr: VR, text: &str) -> Self {
        let value = match vr {
            VR::US => PrimitiveValue::U16(text.split('\\').map(|number| number.parse().expect("a number")).collect()),
            VR::SS => PrimitiveValue::I16(text.split('\\').map(|number| number.parse().expect("a number")).collect()),
            _ => PrimitiveValue::Strs(text.split('\\').map(str::to_owned).collect()),
        };
        self.set_value(tag, vr, value)
    }

    /// Sets an attribute of the standard dictionary by its keyword, such as `ViewPosition`.
    ///
    /// # Panics
    /// When the dictionary has no such keyword.
    #[must_use]
    pub fn set_keyword(self, keyword: &str, text: &str) -> Self {
        let entry = StandardDataDictionary.by_name(keyword).expect("a keyword of PS3.6");
        self.set(entry.tag.inner(), entry.vr.relaxed(), text)
    }

    /// Sets an attribute.
    #[must_use]
    pub fn set_value(mut self, tag: Tag, vr: VR, value: PrimitiveValue) -> Self {
        self.changes.push((tag, Some((vr, value))));
        self
    }

    /// Adds a sequence of one item.
    #[must_use]
    pub fn sequence(mut self, tag: Tag, item: InMemDicomObject) -> Self {
        self.sequences.push((tag, item));
        self
    }

    /// Leaves an attribute out.
    #[must_use]
    pub fn without(mut self, tag: Tag) -> Self {
        self.changes.push((tag, None));
        self
    }

    /// The Part 10 file.
    ///
    /// # Panics
    /// When the registry cannot encode the transfer syntax.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let native = [
            uids::IMPLICIT_VR_LITTLE_ENDIAN,
            uids::EXPLICIT_VR_LITTLE_ENDIAN,
            "1.2.840.10008.1.2.2",
            uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        ];
        let uid = self.transfer_syntax_uid.as_str();
        let mut file = self.file(if native.contains(&uid) { uid } else { uids::EXPLICIT_VR_LITTLE_ENDIAN });
        if !native.contains(&uid) {
            let syntax = TransferSyntaxRegistry.get(uid).expect("a transfer syntax of the registry");
            file.transcode(syntax).expect("a transfer syntax that the registry encodes");
        }
        let mut bytes = Vec::new();
        file.write_all(&mut bytes).expect("memory takes every byte");
        bytes
    }

    /// Writes the Part 10 file to that path.
    ///
    /// # Panics
    /// When the path cannot be written.
    pub fn write(&self, path: &Path) -> PathBuf {
        std::fs::write(path, self.bytes()).expect("a temporary folder takes a file");
        path.to_owned()
    }

    fn file(&self, uid: &str) -> FileDicomObject<InMemDicomObject> {
        let mut object = header();
        self.put_image(&mut object);
        for (tag, change) in &self.changes {
            object.remove_element(*tag);
            if let Some((vr, value)) = change {
                object.put(DataElement::new(*tag, *vr, value.clone()));
            }
        }
        for (tag, item) in &self.sequences {
            object.put(DataElement::new(*tag, VR::SQ, dicom_core::value::DataSetSequence::from(vec![item.clone()])));
        }
        let text =
            |tag, default: &str| object.get(tag).and_then(|e| e.to_str().ok()).unwrap_or(default.into()).into_owned();
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(uid)
            .media_storage_sop_class_uid(text(tags::SOP_CLASS_UID, uids::VERIFICATION))
            .media_storage_sop_instance_uid(text(tags::SOP_INSTANCE_UID, "2.25.9"))
            .build()
            .expect("a complete meta group");
        object.with_exact_meta(meta)
    }

    fn put_image(&self, object: &mut InMemDicomObject) {
        let allocated: u16 = if self.bits > 8 { 16 } else { 8 };
        let words = |tag, value: u16| DataElement::new(tag, VR::US, PrimitiveValue::from(value));
        object.put(words(tags::SAMPLES_PER_PIXEL, 1));
        object.put(words(tags::ROWS, self.rows as u16));
        object.put(words(tags::COLUMNS, self.columns as u16));
        object.put(words(tags::BITS_ALLOCATED, allocated));
        object.put(words(tags::BITS_STORED, self.bits));
        object.put(words(tags::HIGH_BIT, self.bits - 1));
        object.put(words(tags::PIXEL_REPRESENTATION, self.signed.into()));
        object.put(text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, &self.photometric));
        let shape = if self.photometric == "MONOCHROME1" { "INVERSE" } else { "IDENTITY" };
        object.put(text(tags::PRESENTATION_LUT_SHAPE, VR::CS, shape));
        let mask = (1_u32 << self.bits) - 1;
        let places = (0..self.frames)
            .flat_map(|_| (0..self.rows).flat_map(|row| (0..self.columns).map(move |column| (row, column))));
        let values = places.map(|(row, column)| (self.pixels)(row, column) as u32 & mask);
        let pixel_data = if allocated == 16 {
            DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(values.map(|value| value as u16).collect()))
        } else {
            DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(values.map(|value| value as u8).collect()))
        };
        object.put(pixel_data);
    }
}

fn text(tag: Tag, vr: VR, text: &str) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, vr, PrimitiveValue::Strs(text.split('\\').map(str::to_owned).collect()))
}

fn header() -> InMemDicomObject {
    InMemDicomObject::from_element_iter([
        text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192"),
        text(tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\"),
        text(tags::SOP_CLASS_UID, VR::UI, uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION),
        text(tags::SOP_INSTANCE_UID, VR::UI, "2.25.3"),
        text(tags::STUDY_DATE, VR::DA, "20240305"),
        text(tags::STUDY_TIME, VR::TM, "101500"),
        text(tags::ACCESSION_NUMBER, VR::SH, "A1"),
        text(tags::MODALITY, VR::CS, "DX"),
        text(tags::PRESENTATION_INTENT_TYPE, VR::CS, "FOR PRESENTATION"),
        text(tags::MANUFACTURER, VR::LO, "Phantom Works"),
        text(tags::REFERRING_PHYSICIAN_NAME, VR::PN, "Referrer^Rita"),
        text(tags::STUDY_DESCRIPTION, VR::LO, "Chest"),
        text(tags::PATIENT_NAME, VR::PN, "Phantom^Pia"),
        text(tags::PATIENT_ID, VR::LO, "P1"),
        text(tags::PATIENT_BIRTH_DATE, VR::DA, "20200101"),
        text(tags::PATIENT_SEX, VR::CS, "F"),
        text(tags::PATIENT_AGE, VR::AS, "004Y"),
        text(tags::BODY_PART_EXAMINED, VR::CS, "CHEST"),
        text(tags::VIEW_POSITION, VR::CS, "PA"),
        text(tags::STUDY_INSTANCE_UID, VR::UI, "2.25.1"),
        text(tags::SERIES_INSTANCE_UID, VR::UI, "2.25.2"),
        text(tags::STUDY_ID, VR::SH, "1"),
        text(tags::SERIES_NUMBER, VR::IS, "1"),
        text(tags::INSTANCE_NUMBER, VR::IS, "1"),
        text(tags::PATIENT_ORIENTATION, VR::CS, "L\\F"),
        text(tags::IMAGE_LATERALITY, VR::CS, "U"),
        DataElement::new(tags::IMAGER_PIXEL_SPACING, VR::DS, dicom_value!(Strs, ["0.2", "0.2"])),
        text(tags::BURNED_IN_ANNOTATION, VR::CS, "NO"),
        text(tags::PIXEL_INTENSITY_RELATIONSHIP, VR::CS, "LOG"),
        DataElement::new(tags::PIXEL_INTENSITY_RELATIONSHIP_SIGN, VR::SS, PrimitiveValue::from(-1_i16)),
        text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00"),
    ])
}
