//! A correction over a stored object (PS3.3 §C.12.1.1.9): which bytes of its data set are replaced by which.
//!
//! Values of the top level are replaced in the encoding that the data set has; every other byte stays, so that pixels,
//! private elements and whatever else is odd leave as they came. What an attribute said before goes into an item of
//! `OriginalAttributesSequence`. The same attribute within a sequence, such as the accession number of a request, stays.
//!
//! A value is written in the object's own character set. Where that cannot say it, the object is declared to be UTF-8
//! (`ISO_IR 192`) if all its texts are ASCII, which means the same in both; else the object cannot carry the correction.

use crate::object::{self, Opened};
use crate::source::{ByteSource, ReadSeek};
use crate::syntax::{self, Encoding};
use crate::text::{CharacterSets, encode_in, split_values};
use crate::walk::{Element, Event, ITEM, SEQUENCE_DELIMITATION, UNDEFINED, Walker, dictionary_vr, has_short_length};
use crate::{InspectError, MANUFACTURER};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use jiff::Timestamp;
use lightbox_domain::{Limits, Values};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

/// What is to be said in place of what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectCorrection {
    /// The values that count.
    pub values: Values,
    /// When they were last changed, in milliseconds since 1970.
    pub changed_ms: i64,
    /// From where the object came, as the index names it.
    pub source: String,
}

/// Bytes of a file, or of an inflated data set, that are replaced.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    pub range: Range<u64>,
    pub bytes: Vec<u8>,
}

/// What has to be done to an object.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// In their order, without overlap; none when the object says already what it should.
    pub edits: Vec<Edit>,
    /// Whether ranges are those of the inflated data set.
    pub is_deflated: bool,
    /// What stands before the data set of a deflated file, if that changes.
    pub head: Option<Vec<u8>>,
}

/// The longest value that is kept as a previous one, and looked through for its character set, in bytes.
const VALUE_BYTES_MAX: u32 = 1 << 20;

/// The most bytes that a deflated object with a correction may have, since it is deflated anew in memory.
const DEFLATED_BYTES_MAX: usize = 64 << 20;

/// The longest LO, in characters.
const LO_CHARACTERS_MAX: usize = 64;

/// UTF-8 (PS3.3 §C.12.1.1.2).
const UTF_8: &str = "ISO_IR 192";

/// Why an object changed: to reconcile it with what a person knows better (PS3.3 §C.12.1.1.9).
const REASON: &str = "COERCE";

/// Reads the header of a file as far as the correction reaches.
pub(crate) fn plan(path: &Path, correction: &ObjectCorrection) -> Result<Plan, InspectError> {
    let mut opened = open(path)?;
    let wanted = wanted_tags(&correction.values);
    let encoding = opened.walker.encoding();
    let found = find(&mut opened.walker, &wanted)?;
    let edits = edits(path, encoding, &found, correction)?;
    let is_deflated = syntax::lookup(&opened.transfer_syntax_uid).is_some_and(|syntax| syntax.deflated);
    Ok(Plan { edits, is_deflated, head: None })
}

fn open(path: &Path) -> Result<Opened<'static>, InspectError> {
    object::open(Box::new(File::open(path)?), Limits::default().inflated_bytes_max)
}

fn tag_of(number: u32) -> Tag {
    Tag((number >> 16) as u16, number as u16)
}

/// What is looked for: the attributes that change, what they depend on, and group lengths, which change with them.
fn wanted_tags(values: &Values) -> BTreeSet<Tag> {
    let corrected = values.iter().map(|(attribute, _)| tag_of(attribute.tag));
    let always = [tags::SPECIFIC_CHARACTER_SET, tags::ORIGINAL_ATTRIBUTES_SEQUENCE];
    let mut wanted: BTreeSet<Tag> = corrected.chain(always).collect();
    wanted.extend(wanted.clone().iter().map(|tag| Tag(tag.group(), 0)));
    wanted
}

/// What stands in the place of an attribute.
struct Found {
    /// Header and value; empty where the attribute would have to be inserted.
    range: Range<u64>,
    content: Content,
}

enum Content {
    Absent,
    Value(VR, Vec<u8>),
    /// A sequence with the range of its items, and whether these are encoded as the data set is.
    Items(Range<u64>, bool),
}

/// Looks for attributes at the top level; gives one entry for each.
fn find(walker: &mut Walker<'_>, wanted: &BTreeSet<Tag>) -> Result<BTreeMap<Tag, Found>, InspectError> {
    let mut found = BTreeMap::new();
    let mut awaited = wanted.iter().copied().peekable();
    let mut start = walker.position();
    let absent = |at: u64| Found { range: at..at, content: Content::Absent };
    while let Some(event) = walker.next()? {
        let tag = match event {
            Event::Element(Element { tag, .. }) | Event::SequenceStart(tag) | Event::FragmentsStart(tag, _) => tag,
            _ => return Err(InspectError::Malformed("an item stands outside its sequence".to_owned())),
        };
        while let Some(before) = awaited.next_if(|one| *one < tag) {
            found.insert(before, absent(start));
        }
        // Also after the last that is looked for: a value that stood behind would count in place of the corrected one.
        if found.contains_key(&tag) {
            return Err(InspectError::Malformed(format!("{tag} stands after larger tags")));
        }
        let is_wanted = awaited.next_if_eq(&tag).is_some();
        let (content, end) = read_content(walker, event, is_wanted)?;
        if is_wanted {
            found.insert(tag, Found { range: start..end, content });
        }
        start = end;
    }
    found.extend(awaited.map(|tag| (tag, absent(start))));
    Ok(found)
}

/// Reads what an event began, or passes over it; gives where it ends.
fn read_content(walker: &mut Walker<'_>, event: Event, is_wanted: bool) -> Result<(Content, u64), InspectError> {
    if let Event::Element(element) = event {
        let end = walker.position() + u64::from(element.length);
        let is_kept = is_wanted && element.length <= VALUE_BYTES_MAX;
        let value = if is_kept { walker.read_value()? } else { Vec::new() };
        return Ok((Content::Value(element.vr, value), end));
    }
    let (begin, within) = (walker.position(), walker.encoding());
    let (depth, mut items_end) = (walker.depth(), begin);
    while walker.depth() >= depth {
        match walker.next()? {
            None => return Err(InspectError::Truncated),
            Some(Event::ItemEnd) if walker.depth() == depth => items_end = walker.position(),
            Some(_) => {}
        }
    }
    Ok((Content::Items(begin..items_end, within == walker.encoding()), walker.position()))
}

/// An attribute that says something else than it should.
struct Change<'a> {
    tag: Tag,
    vr: VR,
    value: &'a str,
}

fn edits(
    path: &Path,
    encoding: Encoding,
    found: &BTreeMap<Tag, Found>,
    correction: &ObjectCorrection,
) -> Result<Vec<Edit>, InspectError> {
    let terms = terms(found);
    let changes = changes(found, &terms, &correction.values);
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let mut edits: Vec<Edit> = Vec::new();
    let own: Option<Vec<_>> = changes.iter().map(|change| encoded(&terms.join("\\"), change.value)).collect();
    let values = match own {
        Some(values) => values,
        None if is_ascii(path)? => {
            let range = found[&tags::SPECIFIC_CHARACTER_SET].range.clone();
            edits.push(Edit {
                range,
                bytes: element(encoding, tags::SPECIFIC_CHARACTER_SET, VR::CS, UTF_8.as_bytes())?,
            });
            changes.iter().map(|change| change.value.as_bytes().to_vec()).collect()
        }
        None => return Err(uncorrectable("its character set cannot say it, and its texts are in more than ASCII")),
    };
    for (change, value) in changes.iter().zip(&values) {
        let bytes = element(encoding, change.tag, change.vr, value)?;
        edits.push(Edit { range: found[&change.tag].range.clone(), bytes });
    }
    let group_lengths = found.iter().filter(|(tag, one)| tag.element() == 0 && !one.range.is_empty());
    edits.extend(group_lengths.map(|(_, one)| Edit { range: one.range.clone(), bytes: Vec::new() }));
    edits.extend(original_attributes(encoding, found, &changes, correction)?);
    // Stable: several attributes may have to be inserted at the same place, and are in the order of their tags.
    edits.sort_by_key(|edit| edit.range.start);
    Ok(edits)
}

/// The character sets that the object declares.
fn terms(found: &BTreeMap<Tag, Found>) -> Vec<String> {
    match found.get(&tags::SPECIFIC_CHARACTER_SET).map(|one| &one.content) {
        Some(Content::Value(_, bytes)) => split_values(VR::CS, &String::from_utf8_lossy(bytes)),
        _ => Vec::new(),
    }
}

/// The attributes that say something else than they should, in the order of their tags.
fn changes<'a>(found: &BTreeMap<Tag, Found>, terms: &[String], values: &'a Values) -> Vec<Change<'a>> {
    let sets = CharacterSets::from_terms(terms);
    let says = |tag: Tag, vr: VR| match &found[&tag].content {
        Content::Value(_, bytes) => split_values(vr, &sets.decode(vr, bytes)).join("\\"),
        Content::Absent | Content::Items(..) => String::new(),
    };
    let all = values.iter().map(|(attribute, value)| {
        let tag = tag_of(attribute.tag);
        Change { tag, vr: dictionary_vr(tag), value }
    });
    let mut changes: Vec<_> = all.filter(|change| says(change.tag, change.vr) != change.value).collect();
    changes.sort_by_key(|change| change.tag);
    changes
}

/// The text in the declared character set; `None` when that cannot say it.
fn encoded(term: &str, text: &str) -> Option<Vec<u8>> {
    if text.is_ascii() { Some(text.as_bytes().to_vec()) } else { encode_in(term, text) }
}

/// Whether every text of the object is ASCII without escape sequences, so that it means the same in UTF-8.
fn is_ascii(path: &Path) -> Result<bool, InspectError> {
    const ESCAPE: u8 = 0x1B;
    let mut walker = open(path)?.walker;
    while let Some(event) = walker.next()? {
        let Event::Element(Element { tag, vr, length }) = event else { continue };
        let vr = if vr == VR::UN { dictionary_vr(tag) } else { vr };
        if !matches!(vr, VR::LO | VR::LT | VR::PN | VR::SH | VR::ST | VR::UC | VR::UT) {
            continue;
        }
        if length > VALUE_BYTES_MAX || walker.read_value()?.iter().any(|byte| !byte.is_ascii() || *byte == ESCAPE) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Adds an item to the Original Attributes Sequence, which may be there already (PS3.3 §C.12.1).
fn original_attributes(
    encoding: Encoding,
    found: &BTreeMap<Tag, Found>,
    changes: &[Change],
    correction: &ObjectCorrection,
) -> Result<Vec<Edit>, InspectError> {
    let Found { range, content } = &found[&tags::ORIGINAL_ATTRIBUTES_SEQUENCE];
    let begin = header(encoding, tags::ORIGINAL_ATTRIBUTES_SEQUENCE, VR::SQ, UNDEFINED)?;
    let end = delimiter(encoding, SEQUENCE_DELIMITATION, 0);
    let item = item(encoding, &original_item(encoding, found, changes, correction)?)?;
    match content {
        Content::Absent => Ok(vec![Edit { range: range.clone(), bytes: [begin, item, end].concat() }]),
        Content::Items(items, true) => Ok(vec![
            Edit { range: range.start..items.start, bytes: begin },
            Edit { range: items.end..range.end, bytes: [item, end].concat() },
        ]),
        Content::Value(_, value) if value.is_empty() => {
            Ok(vec![Edit { range: range.clone(), bytes: [begin, item, end].concat() }])
        }
        Content::Value(..) | Content::Items(_, false) => {
            Err(uncorrectable("the encoding of its Original Attributes Sequence is not known"))
        }
    }
}

/// What the attributes said before, when, by whom and why that changed.
fn original_item(
    encoding: Encoding,
    found: &BTreeMap<Tag, Found>,
    changes: &[Change],
    correction: &ObjectCorrection,
) -> Result<Vec<u8>, InspectError> {
    let mut before = Vec::new();
    for Change { tag, vr, .. } in changes {
        let (vr, value) = match &found[tag].content {
            Content::Value(vr, value) => (*vr, value.as_slice()),
            Content::Absent | Content::Items(..) => (*vr, [].as_slice()),
        };
        before.extend(element(encoding, *tag, vr, value)?);
    }
    let before = item(encoding, &before)?;
    let source: String = correction.source.chars().filter(char::is_ascii_graphic).take(LO_CHARACTERS_MAX).collect();
    Ok([
        header(encoding, tags::MODIFIED_ATTRIBUTES_SEQUENCE, VR::SQ, length_of(&before)?)?,
        before,
        element(encoding, tags::ATTRIBUTE_MODIFICATION_DATE_TIME, VR::DT, date_time(correction.changed_ms).as_bytes())?,
        element(encoding, tags::MODIFYING_SYSTEM, VR::LO, MANUFACTURER.as_bytes())?,
        element(encoding, tags::SOURCE_OF_PREVIOUS_VALUES, VR::LO, source.as_bytes())?,
        element(encoding, tags::REASON_FOR_THE_ATTRIBUTE_MODIFICATION, VR::CS, REASON.as_bytes())?,
    ]
    .concat())
}

/// A DT in UTC (PS3.5 §6.2).
fn date_time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map(|time| time.strftime("%Y%m%d%H%M%S.%3f+0000").to_string()).unwrap_or_default()
}

/// An item of defined length.
pub(crate) fn item(encoding: Encoding, content: &[u8]) -> Result<Vec<u8>, InspectError> {
    Ok([&delimiter(encoding, ITEM, length_of(content)?), content].concat())
}

/// A whole element of a text, padded to an even length.
pub(crate) fn element(encoding: Encoding, tag: Tag, vr: VR, value: &[u8]) -> Result<Vec<u8>, InspectError> {
    let padding = &b" "[..value.len() % 2];
    let length = length_of(value)?.next_multiple_of(2);
    Ok([&header(encoding, tag, vr, length)?, value, padding].concat())
}

pub(crate) fn header(encoding: Encoding, tag: Tag, vr: VR, length: u32) -> Result<Vec<u8>, InspectError> {
    if !encoding.explicit_vr {
        return Ok(delimiter(encoding, tag, length));
    }
    let mut bytes = delimiter(encoding, tag, 0);
    bytes.truncate(4);
    bytes.extend_from_slice(vr.to_string().as_bytes());
    if has_short_length(vr) {
        let length = u16::try_from(length).map_err(|_| uncorrectable("a value is too long"))?;
        bytes.extend(if encoding.big_endian { length.to_be_bytes() } else { length.to_le_bytes() });
    } else {
        bytes.extend([0, 0]);
        bytes.extend(if encoding.big_endian { length.to_be_bytes() } else { length.to_le_bytes() });
    }
    Ok(bytes)
}

/// A tag and a length of four bytes.
pub(crate) fn delimiter(encoding: Encoding, Tag(group, element): Tag, length: u32) -> Vec<u8> {
    if encoding.big_endian {
        [&group.to_be_bytes()[..], &element.to_be_bytes(), &length.to_be_bytes()].concat()
    } else {
        [&group.to_le_bytes()[..], &element.to_le_bytes(), &length.to_le_bytes()].concat()
    }
}

fn length_of(bytes: &[u8]) -> Result<u32, InspectError> {
    u32::try_from(bytes.len()).map_err(|_| uncorrectable("a value is too long"))
}

fn uncorrectable(why: &str) -> InspectError {
    InspectError::Uncorrectable(why.to_owned())
}

/// A deflated file whose inflated data set is changed so, deflated anew (PS3.5 §A.5).
pub(crate) fn deflate_edited(mut file: impl ReadSeek, plan: &Plan) -> Result<Vec<u8>, InspectError> {
    let head = match &plan.head {
        Some(head) => head.clone(),
        None => head_of(&mut file)?,
    };
    let data_set_at = head.len();
    let mut inflated = object::open(Box::new(file), Limits::default().inflated_bytes_max)?.walker.into_source();
    let mut deflater = DeflateEncoder::new(head, Compression::fast());
    for edit in &plan.edits {
        copy_until(&mut inflated, edit.range.start, &mut deflater)?;
        deflater.write_all(&edit.bytes)?;
        inflated.skip(edit.range.end - edit.range.start)?;
    }
    copy_until(&mut inflated, u64::MAX, &mut deflater)?;
    let mut bytes = deflater.finish()?;
    if (bytes.len() - data_set_at) % 2 == 1 {
        bytes.push(0);
    }
    Ok(bytes)
}

/// Preamble and group 0002; the file then stands at its start again.
fn head_of(file: &mut impl ReadSeek) -> Result<Vec<u8>, InspectError> {
    let mut source = ByteSource::new(Box::new(&mut *file))?;
    crate::part10::read_meta_group(&mut source)?;
    let data_set_at = usize::try_from(source.position()).map_err(|_| InspectError::Truncated)?;
    drop(source);
    let mut head = vec![0; data_set_at];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut head)?;
    Ok(head)
}

/// Copies what is inflated up to a position, or to its end.
fn copy_until(
    inflated: &mut ByteSource<'_>,
    end: u64,
    deflater: &mut DeflateEncoder<Vec<u8>>,
) -> Result<(), InspectError> {
    /// How much is copied at once, in bytes.
    const PIECE_BYTES: u64 = 64 << 10;
    while inflated.position() < end && !inflated.at_end()? {
        let piece = inflated.read_some(PIECE_BYTES.min(end - inflated.position()))?;
        deflater.write_all(&piece)?;
        if deflater.get_ref().len() > DEFLATED_BYTES_MAX {
            return Err(uncorrectable("it is deflated, and too large to be deflated anew in memory"));
        }
    }
    Ok(())
}
