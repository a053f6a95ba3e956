//! Which images an app applies to, and how a refusal is worded.

use crate::manifest::VALID;
use lightbox_domain::{Applicability, AttributeSource, Manifest, evaluate, parse_age};
use std::collections::BTreeMap;

struct Header(BTreeMap<&'static str, &'static str>);

impl AttributeSource for Header {
    fn values(&self, keyword: &str) -> Vec<String> {
        self.0.get(keyword).map(|text| text.split('\\').map(str::to_owned).collect()).unwrap_or_default()
    }
}

const CHILD: [(&str, &str); 4] = [
    ("Modality", "DX"),
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
    check(&[("ViewPosition", "LL")], outside("ViewPosition is LL, not PA or AP"));
    check(&[("ViewPosition", "")], outside("ViewPosition is not given"));
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
