//! The DICOM Conformance Statement (PS3.2), made of the tables by which the program works, so that it cannot say anything
//! else. What a site changes in its settings is not in it: it tells of the defaults.

mod markdown;

use lightbox_dicom::{
    CHARACTER_SETS, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, MANUFACTURER, result_sop_classes,
};
use lightbox_dimse::{Negotiation, SopClass, negotiation, sop_classes};
use lightbox_domain::{Attribute, Level, Limits, WorkitemAttribute};
use lightbox_http::{Transaction, dicomweb_transactions};
use serde::Serialize;

pub use markdown::markdown;

/// All that the statement tells.
#[derive(Serialize)]
pub struct Statement {
    product: &'static str,
    version: &'static str,
    implementation_class_uid: &'static str,
    implementation_version_name: &'static str,
    sop_classes: Vec<SopClass>,
    results: Vec<&'static str>,
    negotiation: Negotiation,
    transfer_syntaxes: Vec<Syntax>,
    matching_keys: Vec<Key>,
    workitem_keys: Vec<Key>,
    character_sets: Vec<&'static str>,
    dicomweb: Vec<Transaction>,
    limits: Limits,
}

/// What is done with a transfer syntax.
#[derive(Serialize)]
struct Syntax {
    uid: &'static str,
    name: &'static str,
    lossless: bool,
    /// Frames are decoded, for rendering, apps and transcoding.
    decodes: bool,
    /// Objects are written in it on their way out.
    encodes: bool,
}

/// An attribute by which is searched.
#[derive(Serialize)]
struct Key {
    level: &'static str,
    keyword: &'static str,
    tag: String,
    vr: &'static str,
    matching: &'static str,
}

impl Statement {
    /// The statement of this release.
    pub fn new() -> Self {
        Self {
            product: MANUFACTURER,
            version: env!("CARGO_PKG_VERSION"),
            implementation_class_uid: IMPLEMENTATION_CLASS_UID,
            implementation_version_name: IMPLEMENTATION_VERSION_NAME,
            sop_classes: sop_classes(),
            results: result_sop_classes().to_vec(),
            negotiation: negotiation(),
            transfer_syntaxes: lightbox_dicom::transfer_syntaxes().iter().map(Syntax::of).collect(),
            matching_keys: Attribute::all().iter().map(Key::of).collect(),
            workitem_keys: WorkitemAttribute::all().iter().filter(|one| one.is_matched).map(Key::of_workitem).collect(),
            character_sets: CHARACTER_SETS.to_vec(),
            dicomweb: dicomweb_transactions(),
            limits: Limits::default(),
        }
    }
}

impl Syntax {
    fn of(syntax: &'static lightbox_dicom::TransferSyntax) -> Self {
        Self {
            uid: &syntax.uid,
            name: &syntax.name,
            lossless: syntax.is_lossless(),
            decodes: syntax.decodes(),
            encodes: syntax.encodes(),
        }
    }
}

impl Key {
    fn of(attribute: &'static Attribute) -> Self {
        let matching = match attribute.is_count {
            true => "returned only",
            false => matching(&attribute.vr),
        };
        let level = match attribute.level {
            Level::Patient => "PATIENT",
            Level::Study => "STUDY",
            Level::Series => "SERIES",
            Level::Instance => "IMAGE",
        };
        Self {
            level,
            keyword: &attribute.keyword,
            tag: tags(&attribute.sequence.into_iter().chain([attribute.tag]).collect::<Vec<_>>()),
            vr: &attribute.vr,
            matching,
        }
    }

    fn of_workitem(attribute: &'static WorkitemAttribute) -> Self {
        Self {
            level: "WORKITEM",
            keyword: &attribute.path,
            tag: tags(&attribute.tags),
            vr: &attribute.vr,
            matching: matching(&attribute.vr),
        }
    }
}

/// How values of a representation are matched, as `lightbox_domain::Matching` reads them.
fn matching(vr: &str) -> &'static str {
    match vr {
        "UI" => "list of UIDs",
        "DA" | "TM" | "DT" => "single value, range",
        "IS" | "US" => "single value, list",
        "PN" => "wildcard, without case and accents; fuzzy by the beginnings of words",
        _ => "single value, wildcard, list",
    }
}

/// Tags as people write them, from the outermost sequence inwards.
fn tags(path: &[u32]) -> String {
    let tag = |tag: &u32| format!("({:04X},{:04X})", tag >> 16, tag & 0xFFFF);
    path.iter().map(tag).collect::<Vec<_>>().join(" > ")
}
