//! From a file to an in-memory object: which attributes are kept, where the pixel data lie.

use crate::InspectError;
use crate::part10::MetaGroup;
use crate::source::{ByteSource, ReadSeek};
use crate::syntax::{self, Encoding, Syntax};
use crate::text::{CharacterSets, split_values};
use crate::walk::{Element, Event, Walker, dictionary_vr};
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_core::value::{C, DataSetSequence, PrimitiveValue, Value};
use dicom_core::{DataElement, Length, Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;

/// A value that is longer is left out of an object and counts as bulk.
pub(crate) const VALUE_BYTES_MAX: u32 = 1 << 20;
/// The most elements that an object keeps.
const ELEMENTS_MAX: usize = 2_000_000;
/// The most fragments of pixel data.
const FRAGMENTS_MAX: usize = 1 << 20;

/// A file's meta group and a walker at the start of its data set.
pub(crate) struct Opened<'a> {
    /// `TransferSyntaxUID`.
    pub transfer_syntax_uid: String,
    /// The VR of the pixel data before they were compressed here.
    pub native_pixel_vr: Option<VR>,
    /// At the first element of the data set.
    pub walker: Walker<'a>,
}

/// An object without its bulk.
#[derive(Clone, Debug)]
pub(crate) struct Attributes {
    /// The attributes that were wanted.
    pub object: InMemDicomObject,
    /// Elements of the top level whose values were left out.
    pub bulk: Vec<(Tag, VR)>,
    /// Where `PixelData` of the top level lie.
    pub pixel_data: Option<PixelData>,
}

/// Where pixel data lie, counted from the start of the file, or of the inflated data set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PixelData {
    /// One value.
    Native {
        /// Its representation, which tells how big-endian bytes are swapped.
        vr: VR,
        /// Its first byte.
        offset: u64,
        /// Its bytes.
        length: u32,
    },
    /// Fragments, the offset table first.
    Encapsulated {
        /// First byte and bytes of each.
        fragments: Vec<(u64, u32)>,
    },
}

/// Opens a Part 10 stream: reads its meta group and stands at its data set.
pub(crate) fn open<'a>(reader: Box<dyn ReadSeek + 'a>, inflated_max: u64) -> Result<Opened<'a>, InspectError> {
    let mut source = ByteSource::new(reader)?;
    let MetaGroup { transfer_syntax_uid, native_pixel_vr } = crate::part10::read_meta_group(&mut source)?;
    let Some(Syntax { encoding, deflated }) = syntax::lookup(&transfer_syntax_uid) else {
        return Err(InspectError::UnknownTransferSyntax(transfer_syntax_uid));
    };
    let source = if deflated { source.inflate(inflated_max) } else { source };
    Ok(Opened { transfer_syntax_uid, native_pixel_vr, walker: Walker::new(source, encoding) })
}

/// Walks a whole data set; keeps the attributes of the top level that are wanted, with all that is in them.
pub(crate) fn read_attributes(
    walker: &mut Walker<'_>,
    wanted: impl Fn(Tag) -> bool,
) -> Result<Attributes, InspectError> {
    let mut reader = Reader { walker, elements: 0, bulk: Vec::new(), pixel_data: None };
    let object = reader.read_top_level(wanted)?;
    Ok(Attributes { object, bulk: reader.bulk, pixel_data: reader.pixel_data })
}

struct Reader<'w, 'a> {
    walker: &'w mut Walker<'a>,
    elements: usize,
    bulk: Vec<(Tag, VR)>,
    pixel_data: Option<PixelData>,
}

/// What the values of a data set depend on.
#[derive(Clone, Default)]
struct Context {
    character_sets: CharacterSets,
    /// `PixelRepresentation` is 1, so that `US or SS` means `SS`.
    signed: bool,
}

impl Reader<'_, '_> {
    fn read_top_level(&mut self, wanted: impl Fn(Tag) -> bool) -> Result<InMemDicomObject, InspectError> {
        let mut object = InMemDicomObject::new_empty();
        let mut context = Context::default();
        while let Some(event) = self.walker.next()? {
            match event {
                Event::Element(element) if element.tag == tags::PIXEL_DATA => self.note_native(element),
                Event::FragmentsStart(tags::PIXEL_DATA, _) => self.note_fragments()?,
                Event::Element(Element { tag, .. }) | Event::SequenceStart(tag) if !wanted(tag) => self.pass(event)?,
                other => self.read_into(&mut object, other, &mut context)?,
            }
        }
        Ok(object)
    }

    fn read_into(
        &mut self,
        object: &mut InMemDicomObject,
        event: Event,
        context: &mut Context,
    ) -> Result<(), InspectError> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(InspectError::Malformed(format!("the header has more than {ELEMENTS_MAX} elements")));
        }
        match event {
            Event::Element(element) if is_bulk(element) => {
                if self.walker.depth() == 0 {
                    self.bulk.push((element.tag, element.vr));
                }
                Ok(())
            }
            // Group lengths are retired and wrong as soon as anything changes.
            Event::Element(Element { tag, .. }) if tag.element() == 0 => Ok(()),
            Event::Element(element) => self.read_element(object, element, context),
            Event::SequenceStart(tag) => {
                let items = self.read_items(context)?;
                object.put(DataElement::new(tag, VR::SQ, DataSetSequence::new(items, Length::UNDEFINED)));
                Ok(())
            }
            passed => self.pass(passed),
        }
    }

    fn read_element(
        &mut self,
        object: &mut InMemDicomObject,
        Element { tag, vr, .. }: Element,
        context: &mut Context,
    ) -> Result<(), InspectError> {
        let (vr, encoding) = known_vr(tag, vr, self.walker.encoding());
        let bytes = self.walker.read_value()?;
        let vr = if context.signed && !encoding.explicit_vr && follows_sign(tag) { VR::SS } else { vr };
        let value = decode_value(vr, &bytes, encoding, &context.character_sets);
        match tag {
            tags::SPECIFIC_CHARACTER_SET => {
                context.character_sets = CharacterSets::from_terms(&value.to_multi_str());
            }
            tags::PIXEL_REPRESENTATION => context.signed = value.to_int::<i32>().is_ok_and(|signed| signed == 1),
            _ => {}
        }
        object.put(DataElement::new(tag, vr, value));
        Ok(())
    }

    fn read_items(&mut self, context: &Context) -> Result<C<InMemDicomObject>, InspectError> {
        let mut items = C::new();
        while let Some(event) = self.walker.next()? {
            match event {
                Event::ItemStart => items.push(self.read_item(context.clone())?),
                _ => return Ok(items),
            }
        }
        Err(InspectError::Truncated)
    }

    fn read_item(&mut self, mut context: Context) -> Result<InMemDicomObject, InspectError> {
        let mut item = InMemDicomObject::new_empty();
        while let Some(event) = self.walker.next()? {
            match event {
                Event::ItemEnd => return Ok(item),
                other => self.read_into(&mut item, other, &mut context)?,
            }
        }
        Err(InspectError::Truncated)
    }

    /// Passes over what the event opened.
    fn pass(&mut self, event: Event) -> Result<(), InspectError> {
        if !matches!(event, Event::SequenceStart(_) | Event::FragmentsStart(..)) {
            return Ok(());
        }
        let depth = self.walker.depth();
        while self.walker.depth() >= depth {
            if self.walker.next()?.is_none() {
                return Err(InspectError::Truncated);
            }
        }
        Ok(())
    }

    fn note_native(&mut self, element: Element) {
        let offset = self.walker.position();
        self.pixel_data = Some(PixelData::Native { vr: element.vr, offset, length: element.length });
    }

    fn note_fragments(&mut self) -> Result<(), InspectError> {
        let mut fragments = Vec::new();
        while let Some(Event::Fragment(length)) = self.walker.next()? {
            if fragments.len() >= FRAGMENTS_MAX {
                return Err(InspectError::Malformed(format!(
                    "the pixel data have more than {FRAGMENTS_MAX} fragments"
                )));
            }
            fragments.push((self.walker.position(), length));
        }
        self.pixel_data = Some(PixelData::Encapsulated { fragments });
        Ok(())
    }
}

fn is_bulk(element: Element) -> bool {
    element.length > VALUE_BYTES_MAX
}

/// What a value is whose VR is said to be unknown: the dictionary may know it, and its bytes are those of implicit VR
/// (PS3.5 §6.2.2). Archives that knew no dictionary have written whole headers so.
fn known_vr(tag: Tag, vr: VR, encoding: Encoding) -> (VR, Encoding) {
    match dictionary_vr(tag) {
        VR::SQ | VR::UN => (vr, encoding),
        known if vr == VR::UN => (known, Encoding::IMPLICIT_LITTLE),
        _ => (vr, encoding),
    }
}

/// Whether the dictionary leaves the choice between `US` and `SS`: the pixels' own sign then decides (PS3.5 §A.1).
pub(crate) fn follows_sign(tag: Tag) -> bool {
    StandardDataDictionary.by_tag(tag).is_some_and(|entry| entry.vr() == VirtualVr::Xs)
}

/// A value as dicom-rs holds it. Bytes beyond the last whole number are dropped.
pub(crate) fn decode_value(vr: VR, bytes: &[u8], encoding: Encoding, sets: &CharacterSets) -> PrimitiveValue {
    if bytes.is_empty() {
        return PrimitiveValue::Empty;
    }
    macro_rules! numbers {
        ($variant:ident, $number:ty) => {{
            const SIZE: usize = std::mem::size_of::<$number>();
            let read = if encoding.big_endian { <$number>::from_be_bytes } else { <$number>::from_le_bytes };
            let (chunks, _rest) = bytes.as_chunks::<SIZE>();
            PrimitiveValue::$variant(chunks.iter().map(|chunk| read(*chunk)).collect())
        }};
    }
    match vr {
        VR::US | VR::OW => numbers!(U16, u16),
        VR::SS => numbers!(I16, i16),
        VR::UL | VR::OL => numbers!(U32, u32),
        VR::SL => numbers!(I32, i32),
        VR::UV | VR::OV => numbers!(U64, u64),
        VR::SV => numbers!(I64, i64),
        VR::FL | VR::OF => numbers!(F32, f32),
        VR::FD | VR::OD => numbers!(F64, f64),
        VR::AT => PrimitiveValue::Tags(decode_tags(bytes, encoding)),
        VR::OB | VR::UN | VR::SQ => PrimitiveValue::U8(bytes.into()),
        VR::LT | VR::ST | VR::UT | VR::UR => {
            let text = sets.decode(vr, bytes);
            split_values(vr, &text).pop().map_or(PrimitiveValue::Empty, PrimitiveValue::Str)
        }
        _ => PrimitiveValue::Strs(split_values(vr, &sets.decode(vr, bytes)).into()),
    }
}

fn decode_tags(bytes: &[u8], encoding: Encoding) -> C<Tag> {
    let read = if encoding.big_endian { u16::from_be_bytes } else { u16::from_le_bytes };
    let (chunks, _rest) = bytes.as_chunks::<4>();
    chunks.iter().map(|[a, b, c, d]| Tag(read([*a, *b]), read([*c, *d]))).collect()
}

/// The items of a sequence; none when it is absent.
pub(crate) fn items(object: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    object.get(tag).and_then(|element| element.items()).unwrap_or_default()
}

/// The values of an attribute as texts, without padding and without empty ones.
pub(crate) fn texts(object: &InMemDicomObject, tag: Tag) -> Vec<String> {
    let Some(Value::Primitive(value)) = object.get(tag).map(DataElement::value) else { return Vec::new() };
    let trimmed = value.to_multi_str().iter().map(|text| text.trim_end_matches([' ', '\0']).to_owned()).collect();
    let mut texts: Vec<String> = trimmed;
    texts.retain(|text| !text.is_empty());
    texts
}

/// The first value of an attribute as text; empty when absent.
pub(crate) fn text(object: &InMemDicomObject, tag: Tag) -> String {
    texts(object, tag).into_iter().next().unwrap_or_default()
}

/// The first value of an attribute as whole number.
pub(crate) fn integer(object: &InMemDicomObject, tag: Tag) -> Option<i64> {
    text(object, tag).trim().parse().ok()
}

/// All values of an attribute as finite numbers.
pub(crate) fn numbers(object: &InMemDicomObject, tag: Tag) -> Vec<f64> {
    let finite = |text: &String| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    texts(object, tag).iter().filter_map(finite).collect()
}

/// A value's bytes in little endian.
pub(crate) fn little_endian_bytes(value: &PrimitiveValue) -> Vec<u8> {
    match value {
        PrimitiveValue::U16(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        PrimitiveValue::U32(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        PrimitiveValue::U64(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        PrimitiveValue::F32(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        PrimitiveValue::F64(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        other => other.to_bytes().into_owned(),
    }
}
