//! Every row of PS3.15 Table E.1-1 under every option column: an object that has all attributes, at its top level and
//! within a sequence, is de-identified, and what became of each is compared with the table's letter, as another
//! implementation reads it.

use crate::file;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use dicom_object::mem::InMemElement;
use dicom_object::{InMemDicomObject, from_reader};
use lightbox_dicom::deidentify;
use lightbox_dicom::deidentify::{DeidentificationOption, Mapping, Policy, ProjectKey};
use lightbox_testkit::Film;
use std::collections::HashMap;
use std::io::Read;

const TABLE: &str = include_str!("../../data/deidentification/table_e1_1.tsv");
const TYPES: &str = include_str!("../../data/deidentification/types.tsv");
/// Holds all attributes once more; it stays, and no table says of which type they are there.
const WRAPPER: Tag = tags::ANATOMIC_REGION_SEQUENCE;
/// By how much all dates move.
const DAYS: i32 = -1;

struct Row {
    tag: Tag,
    basic: &'static str,
    options: HashMap<&'static str, &'static str>,
    name: &'static str,
}

/// The rows with a tag of their own that can stand in a data set.
fn rows() -> Vec<Row> {
    let row = |line: &'static str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let number = u32::from_str_radix(fields[0], 16).ok()?;
        let options = fields[2].split(' ').filter_map(|option| option.split_once('=')).collect();
        let tag = Tag((number >> 16) as u16, number as u16);
        (tag.group() != 0x0002).then_some(Row { tag, basic: fields[1], options, name: fields[4] })
    };
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(row).collect()
}

fn vr_of(tag: Tag) -> VR {
    StandardDataDictionary.by_tag(tag).map_or(VR::LO, |entry| entry.vr().relaxed())
}

/// 1, 2 or 3: of the top level by the IOD; 1 for classes that are not known.
fn kind_of(sop_class_uid: &str, tag: Tag) -> usize {
    let wanted = format!("{:04x}{:04x}", tag.group(), tag.element());
    let fields = || TYPES.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let Some(iod) = fields().find(|found| found[0] == "class" && found[1] == sop_class_uid).map(|found| found[2])
    else {
        return 1;
    };
    let is_it =
        |found: &Vec<&str>| found[0] == "top" && found[1] == wanted && found[3].split(' ').any(|one| one == iod);
    fields().find(is_it).map_or(3, |found| found[2].parse().unwrap())
}

/// The letter of a combined action for an attribute of that type.
fn letter(basic: &'static str, kind: usize) -> &'static str {
    let letters: Vec<&str> = basic.split('/').collect();
    match kind {
        3 => letters[0],
        2 => letters.iter().find(|letter| **letter != "X").unwrap_or(&letters[0]),
        _ => letters[letters.len() - 1],
    }
}

fn element(tag: Tag) -> InMemElement {
    let text = |vr, text: &str| DataElement::new(tag, vr, PrimitiveValue::from(text));
    match vr_of(tag) {
        VR::SQ => DataElement::new(tag, VR::SQ, DataSetSequence::from(vec![coded_item()])),
        VR::PN => text(VR::PN, "Doe^Jane"),
        VR::DA => text(VR::DA, "20240301"),
        VR::TM => text(VR::TM, "101500"),
        VR::DT => text(VR::DT, "20240301101500"),
        VR::AS => text(VR::AS, "095Y"),
        VR::CS => text(VR::CS, "CHEST"),
        VR::UI => text(VR::UI, &format!("1.2.3.{}.{}", tag.group(), tag.element())),
        VR::AE => text(VR::AE, "CT_DOE"),
        VR::UR => text(VR::UR, "http://doe"),
        VR::DS => text(VR::DS, "7.5"),
        VR::IS => text(VR::IS, "7"),
        VR::US => DataElement::new(tag, VR::US, PrimitiveValue::from(7_u16)),
        VR::SS => DataElement::new(tag, VR::SS, PrimitiveValue::from(7_i16)),
        VR::UL => DataElement::new(tag, VR::UL, PrimitiveValue::from(7_u32)),
        VR::FD => DataElement::new(tag, VR::FD, PrimitiveValue::from(7.5_f64)),
        VR::FL => DataElement::new(tag, VR::FL, PrimitiveValue::from(7.5_f32)),
        vr @ (VR::OB | VR::UN) => DataElement::new(tag, vr, PrimitiveValue::U8(b"Doe Jane".as_slice().into())),
        vr => text(vr, "Chest of Doe"),
    }
}

fn coded_item() -> InMemDicomObject {
    InMemDicomObject::from_element_iter([
        DataElement::new(tags::CODE_VALUE, VR::SH, PrimitiveValue::from("DOE1")),
        DataElement::new(tags::CODING_SCHEME_DESIGNATOR, VR::SH, PrimitiveValue::from("99DOE")),
        DataElement::new(tags::CODE_MEANING, VR::LO, PrimitiveValue::from("Chest of Doe")),
        DataElement::new(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, PrimitiveValue::from("1.2.3.77")),
    ])
}

fn text(element: &InMemElement) -> String {
    element
        .value()
        .primitive()
        .map_or_else(String::new, |value| value.to_str().trim_end_matches(['\0', ' ']).to_owned())
}

fn item_text(element: &InMemElement, tag: Tag) -> String {
    element.items().unwrap()[0].get(tag).map(text).unwrap_or_default()
}

/// Panics unless `after` is what the letter makes of `before`.
fn check(letter: &str, option: Option<DeidentificationOption>, row: &Row, after: Option<&InMemElement>, map: &Mapping) {
    let before = element(row.tag);
    let context = format!("{} {}, {letter} with {option:?}", row.tag, row.name);
    if letter == "X" {
        assert!(after.is_none(), "{context}");
        return;
    }
    let after = after.unwrap_or_else(|| panic!("{context}: it is not there"));
    let is_sequence = before.items().is_some();
    match letter {
        "Z" if matches!(row.tag, tags::PATIENT_ID | tags::PATIENT_NAME) => {
            assert!(text(after).starts_with('P') && text(after).len() == 16, "{context}");
        }
        "Z" if is_sequence => assert_eq!(after.items().map(<[_]>::len), Some(0), "{context}"),
        "Z" => assert_eq!(text(after), "", "{context}"),
        "D" if is_sequence => {
            let shown = format!("{after:?}").to_lowercase();
            assert!(after.items().unwrap().len() == 1 && !shown.contains("doe"), "{context}: {shown}");
        }
        "D" => {
            let now = text(after);
            assert!(!now.is_empty() && now != text(&before) && !now.contains("Doe"), "{context}: {now}");
            assert_eq!(after.vr(), before.vr(), "{context}");
        }
        "U" => {
            assert_eq!(Some(text(after).as_str()), map.uid(&text(&before)), "{context}");
            assert!(text(after).starts_with("2.25."), "{context}");
        }
        "U*" => {
            let now = item_text(after, tags::REFERENCED_SOP_INSTANCE_UID);
            assert_eq!(Some(now.as_str()), map.uid("1.2.3.77"), "{context}");
        }
        "K" if is_sequence => assert_eq!(item_text(after, tags::CODE_MEANING), "Chest of Doe", "{context}"),
        "K" if before.vr() == VR::AS => assert_eq!(text(after), "090Y", "{context}"),
        "K" => assert_eq!(text(after), text(&before), "{context}"),
        "C" => check_clean(option.unwrap(), &before, after, &context),
        other => panic!("{context}: no letter {other}"),
    }
}

fn check_clean(option: DeidentificationOption, before: &InMemElement, after: &InMemElement, context: &str) {
    use DeidentificationOption::{CleanGraphics, RetainDeviceIdentity};
    let now = text(after);
    match before.vr() {
        VR::SQ if option == CleanGraphics => assert_eq!(item_text(after, tags::CODE_MEANING), "Chest of Doe"),
        VR::SQ => {
            assert_eq!(item_text(after, tags::CODE_MEANING), "CHEST OF", "{context}");
            assert!(!item_text(after, tags::CODE_VALUE).contains("DOE"), "{context}");
        }
        VR::DA => assert_eq!(now, "20240229", "{context}"),
        VR::DT => assert_eq!(now, "20240229101500", "{context}"),
        VR::TM => assert_eq!(now, "101500", "{context}"),
        VR::CS => assert_eq!(now, "CHEST", "{context}"),
        _ if option == RetainDeviceIdentity => assert!(now.len() == 16 && now != text(before), "{context}: {now}"),
        _ => assert_eq!(now, "CHEST OF", "{context}"),
    }
}

/// Whether a letter C can be fulfilled: dates that are none and bytes are dealt with as without the option.
fn can_be_cleaned(option: DeidentificationOption, vr: VR) -> bool {
    match option {
        DeidentificationOption::RetainModifiedDates => matches!(vr, VR::DA | VR::DT | VR::TM),
        _ => !matches!(vr, VR::OB | VR::UN),
    }
}

fn check_all(sop_class_uid: &str, option: Option<DeidentificationOption>) {
    let rows = rows();
    let all = || InMemDicomObject::from_element_iter(rows.iter().map(|row| element(row.tag)));
    let mut film = Film::new().set(tags::SOP_CLASS_UID, VR::UI, sop_class_uid).sequence(WRAPPER, all());
    for element in all() {
        film = match element.items() {
            Some(items) => film.sequence(element.header().tag, items[0].clone()),
            None => film.set_value(element.header().tag, element.vr(), element.value().primitive().unwrap().clone()),
        };
    }
    let mut policy = Policy::basic(ProjectKey::new([3; 32])).accepting_burned_in();
    policy.date_shift_days = DAYS..=DAYS;
    policy.options.extend(option);
    let stored = file(&film.bytes());
    let deidentified = deidentify(&stored.path, &policy).unwrap();
    let mut bytes = Vec::new();
    deidentified.object.open().unwrap().read_to_end(&mut bytes).unwrap();
    let after = from_reader(bytes.as_slice()).unwrap();
    let item = &after.get(WRAPPER).unwrap().items().unwrap()[0];
    for row in &rows {
        for (object, kind) in [(&*after, kind_of(sop_class_uid, row.tag)), (item, 1)] {
            let by_option = option.and_then(|option| {
                let letter = *row.options.get(option.name())?;
                (letter == "K" || can_be_cleaned(option, vr_of(row.tag))).then_some(letter)
            });
            let letter = by_option.unwrap_or_else(|| letter(row.basic, kind));
            check(letter, option, row, object.get(row.tag), &deidentified.mapping);
        }
    }
    assert!(rows.len() > 640, "{} rows", rows.len());
}

const CLASSES: [&str; 6] = [
    uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    uids::CT_IMAGE_STORAGE,
    uids::ENHANCED_CT_IMAGE_STORAGE,
    uids::COMPREHENSIVE_SR_STORAGE,
    uids::RT_PLAN_STORAGE,
    "1.2.3.4",
];

#[test]
fn the_basic_profile_does_what_every_row_says() {
    CLASSES.iter().for_each(|class| check_all(class, None));
}

#[test]
fn each_option_does_what_every_row_of_its_column_says() {
    for option in DeidentificationOption::ALL {
        for class in CLASSES {
            check_all(class, Some(option));
        }
    }
}

/// The packaged table has what the standard has in number, so that no column was lost on the way.
#[test]
fn the_columns_are_whole() {
    let lines: Vec<&str> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
    let with = |letters: &str| lines.iter().filter(|line| line.contains(letters)).count();
    assert_eq!(lines.len(), 656);
    assert_eq!((with("descriptors=C"), with("structured_content=C"), with("graphics=C")), (125, 3, 4));
    assert_eq!((with("full_dates=K"), with("modified_dates=C"), with("uids=K")), (165, 165, 59));
    assert_eq!((with("patient_characteristics=C"), with("patient_characteristics=K")), (4, 9));
    assert_eq!((with("device_identity=K"), with("device_identity=C")), (46, 11));
    assert_eq!((with("institution_identity=K"), with("safe_private=C")), (10, 1));
}
