//! Private attributes that may stay (PS3.15 §E.3.10): numbers of the makers' that the packaged list knows by creator, group
//! and element, and whose values are numbers indeed. What a sender itself declares to be safe (0008,0300) is not believed.

use crate::object::text;
use dicom_core::{Tag, VR};
use dicom_object::InMemDicomObject;
use std::collections::HashMap;
use std::sync::LazyLock;

const SAFE: &str = include_str!("../../data/deidentification/safe_private.tsv");
/// The longest value that stays, in bytes; a matrix of numbers is shorter.
const VALUE_BYTES_MAX: usize = 1024;
/// Elements that reserve a block for a creator (PS3.5 §7.8.1).
const CREATORS: std::ops::RangeInclusive<u16> = 0x0010..=0x00FF;

/// By creator, group and the element within its block.
static KNOWN: LazyLock<HashMap<(&'static str, u16, u8), VR>> = LazyLock::new(|| {
    let lines = SAFE.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| parse(line).expect("the packaged list is well-formed")).collect()
});

fn parse(line: &'static str) -> Option<((&'static str, u16, u8), VR)> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [creator, group, element, vr, _] = fields[..] else { return None };
    let vr = VR::from_binary(vr.as_bytes().try_into().ok()?)?;
    Some(((creator, u16::from_str_radix(group, 16).ok()?, u8::from_str_radix(element, 16).ok()?), vr))
}

/// Whether a private attribute may stay by its name: one of the list, or the creator of one in the same item.
pub(super) fn may_stay(item: &InMemDicomObject, tag: Tag) -> bool {
    if CREATORS.contains(&tag.element()) {
        return item.iter().any(|element| {
            let other = element.header().tag;
            other.group() == tag.group() && other.element() >> 8 == tag.element() && known_vr(item, other).is_some()
        });
    }
    known_vr(item, tag).is_some()
}

/// Whether the value, too, is what the list says: a number, however the encoding names it.
pub(super) fn is_safe_value(item: &InMemDicomObject, tag: Tag, bytes: &[u8]) -> bool {
    if CREATORS.contains(&tag.element()) {
        return may_stay(item, tag);
    }
    let is_digit = |byte: &u8| byte.is_ascii_digit() || b" +-.eE\\\0".contains(byte);
    bytes.len() <= VALUE_BYTES_MAX
        && match known_vr(item, tag) {
            Some(VR::DS | VR::IS) => bytes.iter().all(is_digit),
            Some(VR::FL | VR::SL) => bytes.len().is_multiple_of(4),
            Some(VR::FD) => bytes.len().is_multiple_of(8),
            Some(VR::SS) => bytes.len().is_multiple_of(2),
            _ => false,
        }
}

/// The VR that the list names for an attribute, whose creator the item tells.
fn known_vr(item: &InMemDicomObject, tag: Tag) -> Option<VR> {
    let block = tag.element() >> 8;
    if !CREATORS.contains(&block) {
        return None;
    }
    let creator = text(item, Tag(tag.group(), block));
    KNOWN.get(&(creator.as_str(), tag.group(), tag.element() as u8)).copied()
}
