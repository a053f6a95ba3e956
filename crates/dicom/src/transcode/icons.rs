//! Compressed images within sequences, which are icons. They are small, so they are decoded before anything is written.

use super::pixels::{self, Change, native_vr};
use crate::frames::PixelModule;
use crate::object::decode_value;
use crate::text::CharacterSets;
use crate::walk::{Element, Event, Walker};
use crate::{ObjectFile, PixelError, TranscodeError, decode, object, syntax};
use dicom_core::{DataElement, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use lightbox_domain::Limits;
use std::collections::HashMap;

/// The most bytes that the icons of an object take, compressed or not.
const ICON_BYTES_MAX: usize = 16 << 20;
/// The longest value that describes pixels.
const VALUE_BYTES_MAX: u32 = 64;
/// The group of what describes pixels.
const IMAGE_GROUP: u16 = 0x0028;

/// An icon as it is written.
#[derive(Debug)]
pub(super) struct Icon {
    /// Attributes of its item, in the order of their tags.
    pub changes: Vec<Change>,
    /// The VR of its pixel data.
    pub vr: VR,
    /// Native little-endian samples.
    pub bytes: Vec<u8>,
}

/// The compressed icons of an object, by where their items begin.
pub(super) fn read(file: &ObjectFile, limits: &Limits) -> Result<HashMap<u64, Icon>, TranscodeError> {
    let mut opened = object::open(Box::new(file.open()?), limits.inflated_bytes_max)?;
    let (mut icons, mut items, mut bytes) = (HashMap::new(), Vec::new(), 0);
    while let Some(event) = opened.walker.next()? {
        match event {
            Event::ItemStart => items.push((opened.walker.position(), InMemDicomObject::new_empty())),
            Event::ItemEnd => drop(items.pop()),
            Event::Element(element) => {
                if let Some((_, item)) = items.last_mut() {
                    keep_description(item, element, &mut opened.walker)?;
                }
            }
            Event::FragmentsStart(tags::PIXEL_DATA, _) => {
                if let Some((position, item)) = items.last() {
                    let icon = read_icon(&opened.transfer_syntax_uid, item, &mut opened.walker, limits)?;
                    bytes += icon.bytes.len();
                    icons.insert(*position, icon);
                }
            }
            _ => {}
        }
        if bytes > ICON_BYTES_MAX {
            return Err(too_large());
        }
    }
    Ok(icons)
}

fn keep_description(
    item: &mut InMemDicomObject,
    element: Element,
    walker: &mut Walker<'_>,
) -> Result<(), TranscodeError> {
    if element.tag.group() == IMAGE_GROUP && element.length <= VALUE_BYTES_MAX {
        let value = decode_value(element.vr, &walker.read_value()?, walker.encoding(), &CharacterSets::default());
        item.put(DataElement::new(element.tag, element.vr, value));
    }
    Ok(())
}

fn read_icon(
    uid: &str,
    item: &InMemDicomObject,
    walker: &mut Walker<'_>,
    limits: &Limits,
) -> Result<Icon, TranscodeError> {
    let module = PixelModule::read(item, limits)?;
    if module.frames > 1 {
        return Err(PixelError::Unsupported("an icon of several frames".to_owned()).into());
    }
    let (mut stream, mut is_table) = (Vec::new(), true);
    while let Some(Event::Fragment(length)) = walker.next()? {
        if std::mem::replace(&mut is_table, false) {
            continue;
        }
        if stream.len() + length as usize > ICON_BYTES_MAX {
            return Err(too_large());
        }
        stream.append(&mut walker.read_value()?);
    }
    let decoded = decode::decode(uid, &module, &stream)?;
    Ok(Icon {
        changes: pixels::changes(item, &decoded.module, syntax::is_lossless(uid)),
        vr: native_vr(&decoded.module),
        bytes: decoded.bytes,
    })
}

fn too_large() -> TranscodeError {
    TranscodeError::Unsupported(format!("its icons take more than {ICON_BYTES_MAX} bytes"))
}
