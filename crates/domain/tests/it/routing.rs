//! Which images an app applies to, and how a refusal is worded.

use crate::manifest::VALID;
use lightbox_domain::{Applicability, AttributeSource, Manifest, evaluate, parse_age};
use std::collections::BTreeMap;

struct Header(BTreeMap<&'static str, &'static str>);

impl AttributeSource for Header {
    fn values(&self, keyword: &str) -> Vec<String> {
        self.0.get(keyword).map(|text| text.split('\\').map(str::to_owned).collect()).unwrap_or_default()
    }

    fn codes(&self, keyword: &str) -> Vec<String> {
        self.values(keyword)
    }
}

const CHILD: [(&str, &str); 5] = [
    ("Modality", "DX"),
    ("BodyPartExamined", "CHEST"),
    ("ViewPosition", "PA"),
    ("PatientAge", "004Y"),
    ("PresentationIntentType", "FOR PRESENTATION"),
];

#[track_caller]
fn check(changes: &[(&'static str, &'static str)], expected: Applicability) {
    let manifest = Manifest::parse(VALID).expect("valid");
    let header = Header(CHILD.into_iter().chain(changes.iter().copied()).collect());
    assert_eq!(evaluate(&manifest.input, &header), expected);
}

fn outside(text: &str) -> Applicability {
    Applicability::OutsideIntendedUse(text.to_owned())
}

#[test]
fn an_instance_is_matched_refused_or_not_applicable() {
    check(&[], Applicability::Applies);
    check(&[("Modality", "CT")], Applicability::NotApplicable("Modality is CT, not CR or DX".to_owned()));
    check(&[("ViewPosition", "LL")], outside("ViewPosition is LL, not frontal"));
    check(&[("ViewPosition", "")], outside("ViewPosition is not given, and no description says frontal"));
    check(&[("PresentationIntentType", "")], Applicability::Applies);
    check(
        &[("PresentationIntentType", "FOR PROCESSING")],
        outside("PresentationIntentType is FOR PROCESSING, not FOR PRESENTATION"),
    );
}

#[test]
fn age_comes_from_the_age_or_from_the_dates() {
    let adult = "the patient's age is 41 years; the app is for ages 1 to 5 years";
    check(&[("PatientAge", "041Y")], outside(adult));
    check(&[("PatientAge", ""), ("PatientBirthDate", "19800101"), ("StudyDate", "20210601")], outside(adult));
    check(&[("PatientAge", ""), ("PatientBirthDate", "20200602"), ("StudyDate", "20240601")], Applicability::Applies);
    check(&[("PatientAge", "011M")], outside("the patient's age is 11 months; the app is for ages 1 to 5 years"));
    check(&[("PatientAge", "")], outside("the patient's age is not given; the app is for ages 1 to 5 years"));
}

#[test]
fn ages_are_read_in_every_unit() {
    assert_eq!(parse_age("018M"), Some(1.5));
    assert_eq!(parse_age("004Y"), Some(4.0));
    assert_eq!(parse_age("Y"), None);
    assert_eq!(parse_age("é"), None);
}

/// Decides by this part of a manifest alone.
#[track_caller]
fn check_need(need: &str, header: &[(&'static str, &'static str)], expected: Result<(), &str>) {
    let image = "[input.image]\nof = \"instance\"\nmodality = [\"CT\"]\n";
    let start = VALID.find("[input.image]").expect("there");
    let end = VALID.find("[model]").expect("there");
    let manifest = Manifest::parse(&format!("{}{image}{need}\n{}", &VALID[..start], &VALID[end..])).expect("valid");
    let header = Header([("Modality", "CT")].into_iter().chain(header.iter().copied()).collect());
    let said = match evaluate(&manifest.input, &header) {
        Applicability::Applies => Ok(()),
        Applicability::NotApplicable(why) | Applicability::OutsideIntendedUse(why) => Err(why),
    };
    assert_eq!(said.as_ref().copied().map_err(String::as_str), expected);
}

#[test]
fn a_body_part_is_known_by_code_term_or_description() {
    let chest = "body_part = [\"chest\"]";
    check_need(chest, &[("BodyPartExamined", "Thorax")], Ok(()));
    check_need(chest, &[("BodyPartExamined", "PORT CHEST")], Ok(()));
    check_need(chest, &[("AnatomicRegionSequence", "SCT:816094009"), ("BodyPartExamined", "")], Ok(()));
    check_need(chest, &[("AnatomicRegionSequence", "SRT:T-28000")], Ok(()));
    check_need(chest, &[("SeriesDescription", "Thorax p.a.")], Ok(()));
    check_need(
        chest,
        &[("BodyPartExamined", "KNEE"), ("SeriesDescription", "chest")],
        Err("BodyPartExamined is KNEE, not chest"),
    );
    check_need(
        chest,
        &[("SeriesDescription", "chestnut")],
        Err("BodyPartExamined is not given, and no description says chest"),
    );
    check_need("body_part = [\"head\"]", &[("BodyPartExamined", "BRAIN")], Ok(()));
    check_need("body_part = [\"brain\"]", &[("BodyPartExamined", "HEAD")], Err("BodyPartExamined is HEAD, not brain"));
}

#[test]
fn a_view_is_known_by_code_term_or_description() {
    check_need("view = [\"mlo\"]", &[("ViewCodeSequence", "SCT:399368009")], Ok(()));
    check_need("view = [\"mlo\", \"cc\"]", &[("ViewPosition", "CC")], Ok(()));
    check_need("view = [\"frontal\"]", &[("SeriesDescription", "Chest, AP erect")], Ok(()));
    check_need("view = [\"lateral\"]", &[("SeriesDescription", "lat.")], Ok(()));
    check_need("view = [\"lateral\"]", &[("ViewPosition", "PA")], Err("ViewPosition is PA, not lateral"));
}

#[test]
fn series_are_told_apart_as_those_who_plan_them_do() {
    let thin = "slice_thickness_mm = { to = 1.5 }";
    check_need(thin, &[("SliceThickness", "1.25")], Ok(()));
    check_need(thin, &[("SliceThickness", "5")], Err("SliceThickness is 5 mm; the app is for slices of up to 1.5 mm"));
    check_need(thin, &[], Err("SliceThickness is not given; the app is for slices of up to 1.5 mm"));
    let soft = "kernel = [\"B30*\", \"STANDARD\"]";
    check_need(soft, &[("ConvolutionKernel", "B30f")], Ok(()));
    check_need(soft, &[("ConvolutionKernel", "standard")], Ok(()));
    check_need(soft, &[("ConvolutionKernel", "B70f")], Err("ConvolutionKernel is B70f, not B30* or STANDARD"));
    check_need("contrast = \"with\"", &[("ContrastBolusAgent", "IOHEXOL")], Ok(()));
    check_need(
        "contrast = \"without\"",
        &[("ContrastBolusAgent", "IOHEXOL")],
        Err("contrast was given; the app is for images without"),
    );
    check_need("pixel_spacing = true", &[("PixelSpacing", "0.5\\0.5")], Ok(()));
    check_need("pixel_spacing = true", &[], Err("PixelSpacing is not given; the app is for images of known size"));
    check_need("laterality = [\"left\"]", &[("ImageLaterality", "R")], Err("ImageLaterality is R, not L"));
    check_need("sop_class = [\"1.2.840.10008.5.1.4.1.1.2\"]", &[], Err("SOPClassUID is not given"));
    check_need("[input.patient]\nsex = [\"F\"]", &[("PatientSex", "M")], Err("PatientSex is M, not F"));
}
