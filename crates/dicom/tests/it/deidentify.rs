//! What de-identification promises of whole objects: that nothing identifying is left in their bytes, that pseudonyms agree
//! between objects, that dates keep their distances, and that the object says honestly what was done.

use crate::{File, file};
use dicom_core::value::{DataSetSequence, PrimitiveValue};
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{DefaultDicomObject, InMemDicomObject, from_reader};
use lightbox_dicom::data_set::DataSet;
use lightbox_dicom::deidentify::{Action, BurnedIn, DeidentificationOption as Opt, Deidentified, Policy, ProjectKey};
use lightbox_dicom::{
    DeidentifyError, InspectError, ObjectCorrection, ObjectFile, deidentify, native_frame, transcode,
};
use lightbox_domain::{Limits, Uid, Values};
use lightbox_testkit::Film;
use proptest::prelude::{Just, ProptestConfig, any, prop, prop_assert, proptest};
use std::io::Read;

const SYNTAXES: [&str; 6] = [
    uids::EXPLICIT_VR_LITTLE_ENDIAN,
    uids::IMPLICIT_VR_LITTLE_ENDIAN,
    "1.2.840.10008.1.2.2",
    uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    uids::JPEGLS_LOSSLESS,
    uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN,
];

fn basic() -> Policy {
    Policy::basic(ProjectKey::new([5; 32]))
}

fn run(film: &Film, policy: &Policy) -> (File, Deidentified) {
    let stored = file(&film.bytes());
    let deidentified = deidentify(&stored.path, policy).unwrap();
    (stored, deidentified)
}

fn bytes(object: &ObjectFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    object.open().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// As another implementation reads it.
fn read(deidentified: &Deidentified) -> DefaultDicomObject {
    from_reader(bytes(&deidentified.object).as_slice()).unwrap()
}

fn read_film(film: &Film, policy: &Policy) -> DefaultDicomObject {
    let (_stored, deidentified) = run(film, policy);
    read(&deidentified)
}

fn text(object: &InMemDicomObject, tag: Tag) -> String {
    object.get(tag).map_or_else(String::new, |found| found.to_str().unwrap().trim_end_matches([' ', '\0']).to_owned())
}

fn items(object: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    object.get(tag).and_then(DataElement::items).unwrap_or_default()
}

fn item(elements: &[(Tag, VR, &str)]) -> InMemDicomObject {
    let element = |(tag, vr, text): &(Tag, VR, &str)| DataElement::new(*tag, *vr, PrimitiveValue::from(*text));
    InMemDicomObject::from_element_iter(elements.iter().map(element))
}

fn sequence(tag: Tag, items: Vec<InMemDicomObject>) -> dicom_object::mem::InMemElement {
    DataElement::new(tag, VR::SQ, DataSetSequence::from(items))
}

fn code(scheme: &str, value: &str, meaning: &str) -> InMemDicomObject {
    item(&[
        (tags::CODE_VALUE, VR::SH, value),
        (tags::CODING_SCHEME_DESIGNATOR, VR::SH, scheme),
        (tags::CODE_MEANING, VR::LO, meaning),
    ])
}

#[test]
fn an_object_says_what_was_done_to_it_in_every_syntax() {
    for syntax in SYNTAXES {
        let policy = basic().with(Opt::CleanDescriptors).with(Opt::RetainModifiedDates).with(Opt::CleanPixelData);
        let film = Film::new()
            .syntax(syntax)
            .set(tags::DEIDENTIFICATION_METHOD, VR::LO, "by Doe")
            .without(tags::BURNED_IN_ANNOTATION);
        let (stored, deidentified) = run(&film, &policy);
        let found = read(&deidentified);
        assert_eq!(text(&found, tags::PATIENT_IDENTITY_REMOVED), "YES", "{syntax}");
        assert!(text(&found, tags::DEIDENTIFICATION_METHOD).starts_with("Lightbox"));
        assert_eq!(text(&found, tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED), "MODIFIED");
        assert_eq!(text(&found, tags::BURNED_IN_ANNOTATION), "NO");
        let codes = items(&found, tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE);
        let values: Vec<String> = codes.iter().map(|code| text(code, tags::CODE_VALUE)).collect();
        assert_eq!(values, ["113100", "113101", "113105", "113107"], "{syntax}");
        let all: Vec<Tag> = found.iter().map(|element| element.header().tag).collect();
        assert!(all.is_sorted(), "{syntax}");

        assert_eq!(text(&found, tags::STUDY_DESCRIPTION), "CHEST");
        assert_eq!(found.meta().media_storage_sop_instance_uid(), text(&found, tags::SOP_INSTANCE_UID));
        assert_eq!(found.meta().media_storage_sop_instance_uid(), deidentified.sop_instance_uid.as_str());
        assert_eq!(found.meta().transfer_syntax(), syntax);
        let after = file(&bytes(&deidentified.object));
        let frame = |path| native_frame(path, 0, &Limits::default()).unwrap().bytes;
        assert_eq!(frame(&after.path), frame(&stored.path), "{syntax}");
    }
}

#[test]
fn what_dates_are_said_to_be_is_what_they_are() {
    let said = |policy: &Policy| {
        let found = read_film(&Film::new(), policy);
        (text(&found, tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED), text(&found, tags::STUDY_DATE))
    };
    assert_eq!(said(&basic()), ("REMOVED".to_owned(), String::new()));
    assert_eq!(said(&basic().with(Opt::RetainFullDates)), ("UNMODIFIED".to_owned(), "20240305".to_owned()));
    let mut tomorrow = basic().with(Opt::RetainModifiedDates);
    tomorrow.date_shift_days = 1..=1;
    assert_eq!(said(&tomorrow), ("MODIFIED".to_owned(), "20240306".to_owned()));
}

#[test]
fn pseudonyms_lead_back_to_whom_they_stand_for() {
    let film = Film::new().patient_id("4711").set(tags::ISSUER_OF_PATIENT_ID, VR::LO, "HOSPITAL");
    let (_stored, deidentified) = run(&film, &basic());
    let found = read(&deidentified);
    let pseudonym = text(&found, tags::PATIENT_ID);
    assert_eq!(text(&found, tags::PATIENT_NAME), pseudonym);
    let patient = deidentified.mapping.original_patient(&pseudonym).unwrap();
    assert_eq!((patient.id.as_str(), patient.issuer.as_str()), ("4711", "HOSPITAL"));
    let study = text(&found, tags::STUDY_INSTANCE_UID);
    assert_eq!(deidentified.mapping.original_uid(&study), Some("2.25.1"));
    assert_eq!(deidentified.mapping.uid("2.25.1"), Some(study.as_str()));
    assert_eq!(format!("{:?}", deidentified.mapping), "Mapping(3 UIDs, 1 patients)");
}

#[test]
fn keys_and_issuers_make_other_pseudonyms_and_the_same_ones_the_same() {
    let of = |key: u8, issuer: &str| {
        let film = Film::new().set(tags::ISSUER_OF_PATIENT_ID, VR::LO, issuer);
        let found = read_film(&film, &Policy::basic(ProjectKey::new([key; 32])));
        (text(&found, tags::PATIENT_ID), text(&found, tags::SOP_INSTANCE_UID))
    };
    assert_eq!(of(1, "A"), of(1, "A"));
    assert!(of(1, "A").0 != of(2, "A").0 && of(1, "A").1 != of(2, "A").1);
    assert!(of(1, "A").0 != of(1, "B").0 && of(1, "A").1 == of(1, "B").1);
}

#[test]
fn a_report_still_refers_to_its_image() {
    let reference = item(&[
        (tags::REFERENCED_SOP_CLASS_UID, VR::UI, uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION),
        (tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, "2.25.3"),
    ]);
    let series = InMemDicomObject::from_element_iter([
        DataElement::new(tags::SERIES_INSTANCE_UID, VR::UI, PrimitiveValue::from("2.25.2")),
        sequence(tags::REFERENCED_SOP_SEQUENCE, vec![reference]),
    ]);
    let study = InMemDicomObject::from_element_iter([
        DataElement::new(tags::STUDY_INSTANCE_UID, VR::UI, PrimitiveValue::from("2.25.1")),
        sequence(tags::REFERENCED_SERIES_SEQUENCE, vec![series]),
    ]);
    let report = Film::new()
        .uids("2.25.1", "2.25.8", "2.25.9")
        .set(tags::SOP_CLASS_UID, VR::UI, uids::COMPREHENSIVE_SR_STORAGE)
        .sequence(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, study);
    let (image, report) = (read_film(&Film::new(), &basic()), read_film(&report, &basic()));
    let study = &items(&report, tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE)[0];
    let series = &items(study, tags::REFERENCED_SERIES_SEQUENCE)[0];
    let reference = &items(series, tags::REFERENCED_SOP_SEQUENCE)[0];
    for (tag, referring) in [
        (tags::STUDY_INSTANCE_UID, text(study, tags::STUDY_INSTANCE_UID)),
        (tags::SERIES_INSTANCE_UID, text(series, tags::SERIES_INSTANCE_UID)),
        (tags::SOP_INSTANCE_UID, text(reference, tags::REFERENCED_SOP_INSTANCE_UID)),
        (tags::SOP_CLASS_UID, text(reference, tags::REFERENCED_SOP_CLASS_UID)),
    ] {
        assert_eq!(text(&image, tag), referring);
    }
    assert_eq!(text(&report, tags::STUDY_INSTANCE_UID), text(&image, tags::STUDY_INSTANCE_UID));
}

fn content(value_type: &str, concept: InMemDicomObject, value: dicom_object::mem::InMemElement) -> InMemDicomObject {
    let mut content = item(&[(tags::RELATIONSHIP_TYPE, VR::CS, "CONTAINS"), (tags::VALUE_TYPE, VR::CS, value_type)]);
    content.put(sequence(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![concept]));
    content.put(value);
    content
}

fn a_report() -> Film {
    let measured = |number: &str| item(&[(tags::NUMERIC_VALUE, VR::DS, number)]);
    let text_value = |text: &str| DataElement::new(tags::TEXT_VALUE, VR::UT, PrimitiveValue::from(text));
    let name = DataElement::new(tags::PERSON_NAME, VR::PN, PrimitiveValue::from("Doe^Jane"));
    let sex = sequence(tags::CONCEPT_CODE_SEQUENCE, vec![code("DCM", "F", "Female")]);
    let finding = sequence(tags::CONCEPT_CODE_SEQUENCE, vec![code("SCT", "233604007", "Pneumonia")]);
    let local = sequence(tags::CONCEPT_CODE_SEQUENCE, vec![code("99DOE", "DOE1", "Pneumonia of Doe")]);
    let children = vec![
        content("TEXT", code("DCM", "121071", "Finding"), text_value("Left lung of Doe")),
        content("PNAME", code("DCM", "121008", "Person Observer Name"), name),
        content(
            "NUM",
            code("DCM", "121033", "Subject Age"),
            sequence(tags::MEASURED_VALUE_SEQUENCE, vec![measured("93")]),
        ),
        content("CODE", code("DCM", "121032", "Subject Sex"), sex),
        content("CODE", code("DCM", "121071", "Finding"), finding),
        content("CODE", code("DCM", "121071", "Finding"), local),
        content(
            "NUM",
            code("SCT", "81827009", "Diameter"),
            sequence(tags::MEASURED_VALUE_SEQUENCE, vec![measured("12")]),
        ),
    ];
    let root = content("CONTAINER", code("DCM", "121070", "Findings"), sequence(tags::CONTENT_SEQUENCE, children));
    Film::new().set(tags::SOP_CLASS_UID, VR::UI, uids::COMPREHENSIVE_SR_STORAGE).sequence(tags::CONTENT_SEQUENCE, root)
}

#[test]
fn a_clean_report_keeps_its_shape_and_what_is_coded_or_measured() {
    let found = read_film(&a_report(), &basic().with(Opt::CleanStructuredContent));
    let container = &items(&found, tags::CONTENT_SEQUENCE)[0];
    let children = items(container, tags::CONTENT_SEQUENCE);
    assert_eq!(children.len(), 7, "positions are what references are made of");
    assert_eq!(text(&children[0], tags::TEXT_VALUE), "LEFT LUNG OF");
    assert!(text(&children[1], tags::PERSON_NAME).starts_with('X'));
    assert_eq!(items(&children[2], tags::MEASURED_VALUE_SEQUENCE).len(), 0, "the age of the subject");
    let meaning = |place: usize| text(&items(&children[place], tags::CONCEPT_CODE_SEQUENCE)[0], tags::CODE_MEANING);
    assert!(meaning(3).starts_with('X'), "the sex of the subject");
    assert_eq!((meaning(4).as_str(), meaning(5).as_str()), ("Pneumonia", "PNEUMONIA OF"));
    let measured = &items(&children[6], tags::MEASURED_VALUE_SEQUENCE)[0];
    assert_eq!(text(measured, tags::NUMERIC_VALUE), "12");

    let policy = basic().with(Opt::CleanStructuredContent).with(Opt::RetainPatientCharacteristics);
    let found = read_film(&a_report(), &policy);
    let children = items(&items(&found, tags::CONTENT_SEQUENCE)[0], tags::CONTENT_SEQUENCE);
    assert_eq!(items(&children[2], tags::MEASURED_VALUE_SEQUENCE).len(), 1);
}

#[test]
fn without_that_option_a_report_has_one_item_that_says_so() {
    let found = read_film(&a_report(), &basic());
    let content = items(&found, tags::CONTENT_SEQUENCE);
    assert_eq!(content.len(), 1);
    assert_eq!(text(&content[0], tags::TEXT_VALUE), "Removed to protect the patient");
}

#[test]
fn private_numbers_that_are_known_stay_with_their_creator_and_nothing_else_private_does() {
    let film = || {
        Film::new()
            .set(Tag(0x0019, 0x0010), VR::LO, "SIEMENS MR HEADER")
            .set(Tag(0x0019, 0x100C), VR::IS, "1000")
            .set(Tag(0x0019, 0x1012), VR::LO, "Doe")
            .set(Tag(0x0021, 0x0010), VR::LO, "DOE WORKS")
            .set(Tag(0x0021, 0x100C), VR::IS, "1000")
            .sequence(Tag(0x0021, 0x1099), item(&[(tags::PATIENT_ID, VR::LO, "DOE")]))
    };
    let private = |film: &Film, policy: &Policy| -> Vec<Tag> {
        let found = read_film(film, policy);
        found.iter().map(|element| element.header().tag).filter(|tag| tag.group() % 2 == 1).collect()
    };
    assert!(private(&film(), &basic()).is_empty());
    let safe = basic().with(Opt::RetainSafePrivate);
    let kept = [Tag(0x0019, 0x0010), Tag(0x0019, 0x100C)];
    assert_eq!(private(&film(), &safe), kept);
    assert_eq!(private(&film().syntax(uids::IMPLICIT_VR_LITTLE_ENDIAN), &safe), kept);
    assert_eq!(private(&film().set(Tag(0x0019, 0x100C), VR::LO, "Doe"), &safe), kept[..1], "a number that is none");
}

#[test]
fn overlays_that_mark_a_region_stay_with_the_option_and_all_others_go_whole() {
    let plane = |kind: &str| {
        Film::new()
            .set(Tag(0x6000, 0x0010), VR::US, "4")
            .set(Tag(0x6000, 0x0040), VR::CS, kind)
            .set(Tag(0x6000, 0x1500), VR::LO, "Left lung of Doe")
            .set_value(Tag(0x6000, 0x3000), VR::OW, PrimitiveValue::U16([1].as_slice().into()))
            .set(Tag(0x6000, 0x4000), VR::LT, "Doe")
            .set(Tag(0x5000, 0x0005), VR::US, "1")
            .set(Tag(0x5000, 0x0022), VR::LO, "Doe")
    };
    let left = |film: &Film, policy: &Policy| -> Vec<String> {
        let found = read_film(film, policy);
        let graphic = found.iter().filter(|element| matches!(element.header().tag.group(), 0x5000 | 0x6000));
        graphic.map(|element| format!("{} {}", element.header().tag, element.to_str().unwrap().trim_end())).collect()
    };
    assert_eq!(left(&plane("R"), &basic()), [""; 0]);
    let clean = basic().with(Opt::CleanGraphics);
    assert_eq!(left(&plane("G"), &clean), ["(5000,0005) 1"]);
    let region = ["(5000,0005) 1", "(6000,0010) 4", "(6000,0040) R", "(6000,1500) LEFT LUNG OF", "(6000,3000) 1"];
    assert_eq!(left(&plane("R"), &clean), region);
}

#[test]
fn pixels_that_may_show_texts_are_refused_unless_accepted() {
    let capture = || Film::new().set(tags::SOP_CLASS_UID, VR::UI, uids::SECONDARY_CAPTURE_IMAGE_STORAGE);
    let refused = |film: &Film, policy: &Policy| {
        let stored = file(&film.bytes());
        matches!(deidentify(&stored.path, policy), Err(DeidentifyError::BurnedIn(_)))
    };
    let says = |film: Film, said: &str| film.set(tags::BURNED_IN_ANNOTATION, VR::CS, said);
    assert!(refused(&says(Film::new(), "YES"), &basic()));
    assert!(refused(&capture().without(tags::BURNED_IN_ANNOTATION), &basic()));
    assert!(!refused(&says(capture(), "NO"), &basic()));
    assert!(!refused(&Film::new().without(tags::BURNED_IN_ANNOTATION), &basic()));
    assert!(!refused(&says(Film::new(), "YES"), &basic().accepting_burned_in()));
    assert_eq!(basic().burned_in, BurnedIn::Refuse);
}

#[test]
fn a_policy_that_contradicts_itself_is_refused() {
    let stored = file(&Film::new().bytes());
    let refused = |policy: Policy| matches!(deidentify(&stored.path, &policy), Err(DeidentifyError::Policy(_)));
    assert!(refused(basic().with(Opt::RetainFullDates).with(Opt::RetainModifiedDates)));
    for days in [-5..=5, 1..=40_000, -40_000..=-1] {
        assert!(refused(Policy { date_shift_days: days, ..basic() }));
    }
    let (_stored, once) = run(&Film::new(), &basic());
    assert!(matches!(deidentify(&once.object, &basic()), Err(DeidentifyError::Already)));
}

#[test]
fn a_corrected_object_is_deidentified_as_corrected_and_can_be_transcoded() {
    for syntax in SYNTAXES {
        let stored = file(&Film::new().patient_id("OLD-ID").syntax(syntax).bytes());
        let mut values = Values::default();
        values.set("PatientID", "NEW-IDENTIFIER").unwrap();
        let correction = ObjectCorrection { values, changed_ms: 0, source: "peer:CT1".to_owned() };
        let deidentified = deidentify(ObjectFile::corrected(stored.path.clone(), correction), &basic()).unwrap();
        let found = read(&deidentified);
        let patient = deidentified.mapping.original_patient(&text(&found, tags::PATIENT_ID)).unwrap();
        assert_eq!(patient.id, "NEW-IDENTIFIER", "{syntax}");
        let mut written = Vec::new();
        let to = uids::EXPLICIT_VR_LITTLE_ENDIAN;
        transcode(&deidentified.object, to, &Limits::default()).unwrap().write_file(&mut written).unwrap();
        assert_eq!(text(&from_reader(written.as_slice()).unwrap(), tags::PATIENT_ID), text(&found, tags::PATIENT_ID));
        for identity in ["OLD-ID", "NEW-IDENTIFIER", "Phantom^Pia"] {
            assert!(!written.windows(identity.len()).any(|window| window == identity.as_bytes()), "{syntax}");
        }
    }
}

/// Sequences that say their lengths, and one whose VR is said to be unknown.
#[test]
fn lengths_stay_right_however_sequences_are_encoded() {
    const ANATOMIC_REGION: u32 = 0x0008_2218;
    const EXPOSED_AREA: u32 = 0x0040_0303;
    let region = DataSet::default().with(0x0008_0104, "Chest").with(0x0010_0010, "Doe^Jane").with(0x0020_000D, "1.2.3");
    let nested = DataSet::default().with_items(ANATOMIC_REGION, vec![region]);
    let plain = DataSet::default()
        .with(0x0008_0016, uids::CT_IMAGE_STORAGE)
        .with(0x0008_0018, "1.2.3.4")
        .with_items(0x0008_1115, vec![nested.clone(), DataSet::default()])
        .with(EXPOSED_AREA, "7");
    let data_set = plain.write(uids::EXPLICIT_VR_LITTLE_ENDIAN, "");
    let as_unknown = {
        let value = nested.write(uids::IMPLICIT_VR_LITTLE_ENDIAN, "").split_off(8);
        let first = DataSet::default().with(0x0008_0016, uids::CT_IMAGE_STORAGE).with(0x0008_0018, "1.2.3.4");
        let header = [&b"\x08\0\x18\x22UN\0\0"[..], &(value.len() as u32).to_le_bytes()].concat();
        [first.write(uids::EXPLICIT_VR_LITTLE_ENDIAN, ""), header, value].concat()
    };
    for data_set in [data_set, as_unknown] {
        let uid = |text| Uid::parse(text).unwrap();
        let [class, instance, syntax] =
            [uid(uids::CT_IMAGE_STORAGE), uid("1.2.3.4"), uid(uids::EXPLICIT_VR_LITTLE_ENDIAN)];
        let head = lightbox_dicom::part10_prefix(&class, &instance, &syntax, "DOE");
        let stored = file(&[head, data_set].concat());
        let deidentified = deidentify(&stored.path, &basic()).unwrap();
        let left = bytes(&deidentified.object);
        assert!(!left.windows(3).any(|window| window.eq_ignore_ascii_case(b"doe")));
        let header = lightbox_dicom::Header::from_bytes(&left).unwrap();
        let outer = items(header.object(), tags::REFERENCED_SERIES_SEQUENCE);
        let region = match outer.first() {
            Some(series) => &items(series, tags::ANATOMIC_REGION_SEQUENCE)[0],
            None => &items(header.object(), tags::ANATOMIC_REGION_SEQUENCE)[0],
        };
        assert_eq!(text(region, tags::CODE_MEANING), "Chest");
        assert_eq!(Some(text(region, tags::STUDY_INSTANCE_UID).as_str()), deidentified.mapping.uid("1.2.3"));
        let paths: Vec<_> =
            deidentified.report.lines().filter(|(path, ..)| path.last() == Some(&tags::PATIENT_NAME)).collect();
        assert!(
            paths.len() == 1 && paths[0].1 == Action::Empty && paths[0].0.contains(&tags::ANATOMIC_REGION_SEQUENCE)
        );
    }
}

#[test]
fn an_object_with_its_elements_out_of_order_is_refused() {
    let mut bytes = Film::new().bytes();
    let place = bytes.windows(6).position(|found| found == b"\x10\0\x10\0PN").unwrap();
    bytes.splice(place..place, b"\x50\x20\x01\0CS\x02\0A ".iter().copied());
    let outcome = deidentify(&file(&bytes).path, &basic());
    assert!(matches!(outcome, Err(DeidentifyError::Object(InspectError::Malformed(_)))));
}

/// Where an identity is planted: attributes of the table, of several representations.
const PLACES: [(Tag, VR); 22] = [
    (tags::PATIENT_NAME, VR::PN),
    (tags::PATIENT_ID, VR::LO),
    (tags::OTHER_PATIENT_NAMES, VR::PN),
    (tags::PATIENT_ADDRESS, VR::LO),
    (tags::PATIENT_COMMENTS, VR::LT),
    (tags::ACCESSION_NUMBER, VR::SH),
    (tags::REFERRING_PHYSICIAN_NAME, VR::PN),
    (tags::OPERATORS_NAME, VR::PN),
    (tags::INSTITUTION_NAME, VR::LO),
    (tags::STATION_NAME, VR::SH),
    (tags::STUDY_DESCRIPTION, VR::LO),
    (tags::SERIES_DESCRIPTION, VR::LO),
    (tags::IMAGE_COMMENTS, VR::LT),
    (tags::PROTOCOL_NAME, VR::LO),
    (tags::DEVICE_SERIAL_NUMBER, VR::LO),
    (tags::PATIENT_BIRTH_DATE, VR::DA),
    (tags::STUDY_DATE, VR::DA),
    (tags::PERSON_NAME, VR::PN),
    (tags::RETRIEVE_AE_TITLE, VR::AE),
    (Tag(0x0009, 0x1001), VR::LO),
    (Tag(0x0010, 0x0FFE), VR::LO),
    (Tag(0x5000, 0x0022), VR::LO),
];

/// Sequences that stay, so that what is in them is looked at.
const HOLDERS: [Tag; 4] = [
    tags::ANATOMIC_REGION_SEQUENCE,
    tags::REFERENCED_SERIES_SEQUENCE,
    tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
    Tag(0x0011, 0x1001),
];

/// No word of the vocabulary, and no accident in pixels or in a pseudonym.
const IDENTITY: &str = "qz[a-z0-9]{8,12}0";

/// Options that keep nothing that is planted here.
const CLEANING: [Opt; 5] = [
    Opt::CleanDescriptors,
    Opt::CleanGraphics,
    Opt::CleanStructuredContent,
    Opt::RetainModifiedDates,
    Opt::RetainSafePrivate,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn no_identity_survives_anywhere(
        planted in prop::collection::vec((0..PLACES.len(), IDENTITY, prop::collection::vec(0..HOLDERS.len(), 0..4)), 1..16),
        options in prop::sample::subsequence(CLEANING.to_vec(), 0..=CLEANING.len()),
        syntax in prop::sample::select(SYNTAXES.to_vec()),
        key in any::<[u8; 32]>(),
        uid in Just("1.2.3.98765432123456789"),
    ) {
        let mut film = Film::new().syntax(syntax).uids(uid, uid, uid);
        for (place, identity, holders) in &planted {
            let (tag, vr) = PLACES[*place];
            let value = DataElement::new(tag, vr, PrimitiveValue::from(identity.as_str()));
            let Some((outer, inner)) = holders.split_first() else {
                film = film.set(tag, vr, identity);
                continue;
            };
            let innermost = InMemDicomObject::from_element_iter([value]);
            let nest = |within, holder: &usize| InMemDicomObject::from_element_iter([sequence(HOLDERS[*holder], vec![within])]);
            film = film.sequence(HOLDERS[*outer], inner.iter().rev().fold(innermost, nest));
        }
        let policy = options.into_iter().fold(Policy::basic(ProjectKey::new(key)), Policy::with);
        let (_stored, deidentified) = run(&film, &policy);
        let mut written = Vec::new();
        let plain = uids::EXPLICIT_VR_LITTLE_ENDIAN;
        transcode(&deidentified.object, plain, &Limits::default()).unwrap().write_file(&mut written).unwrap();
        written.extend(bytes(&deidentified.object));
        for identity in planted.iter().map(|(_, identity, _)| identity.as_str()).chain([uid]) {
            let found = written.windows(identity.len()).any(|window| window.eq_ignore_ascii_case(identity.as_bytes()));
            prop_assert!(!found, "{identity}");
        }
    }

    #[test]
    fn dates_of_a_patient_keep_their_distances(first in 0..20_000_i32, days in 0..5_000_i32, key in any::<[u8; 32]>()) {
        let date = |days: i32| {
            use jiff::ToSpan;
            jiff::civil::date(1950, 1, 1).checked_add(days.days()).unwrap()
        };
        let policy = Policy::basic(ProjectKey::new(key)).with(Opt::RetainModifiedDates);
        let moved = |days: i32| {
            let film = Film::new().set(tags::STUDY_DATE, VR::DA, &date(days).strftime("%Y%m%d").to_string());
            let found = text(&read_film(&film, &policy), tags::STUDY_DATE);
            jiff::civil::Date::strptime("%Y%m%d", found).unwrap()
        };
        let (earlier, later) = (moved(first), moved(first + days));
        prop_assert!(earlier < date(first) && (later - earlier).get_days() == days);
    }
}
