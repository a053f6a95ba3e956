//! The one de-identification of the platform: the Basic Application Level Confidentiality Profile of PS3.15 Annex E and
//! its options, for what is sent to a vendor's service, kept as a teaching file, or given to research.
//!
//! Table E.1-1 is data (`data/deidentification`). An object is walked over twice: once to decode its header, once to note
//! which bytes are replaced by which. The result is an [`ObjectFile`] over the stored file, in the same transfer syntax,
//! of which nothing is written anywhere; whoever opens it reads the de-identified object, and the pixels come from the
//! stored file as they are read. docs/deidentification.md says what each option does here, and what is not done: nothing
//! looks at pixels.
//!
//! Beyond the table, what neither it nor the dictionary knows is removed, UIDs of instances that it forgets are replaced,
//! and names of persons that it forgets are emptied.

mod concepts;
mod marks;
mod policy;
mod private;
mod pseudonym;
mod report;
mod rewrite;
mod rules;
mod table;
mod types;
mod value;

pub use policy::{BurnedIn, DATE_SHIFT_DAYS, DATE_SHIFT_DAYS_MAX, DeidentificationOption, Policy};
pub use pseudonym::ProjectKey;
pub use report::{Action, Mapping, Report};

use crate::object::{self, text};
use crate::overlay::{Edit, Plan};
use crate::{DeidentifyError, Header, InspectError, ObjectFile, part10, syntax};
use dicom_dictionary_std::tags;
use lightbox_domain::{Limits, PatientKey, Uid};
use rewrite::{Rewritten, rewrite};
use rules::Rules;

const BURNED_IN: &str = include_str!("../../data/deidentification/burned_in.tsv");

/// An object without its identity.
#[derive(Clone, Debug)]
pub struct Deidentified {
    /// Reads as the de-identified object.
    pub object: ObjectFile,
    /// Its `SOPInstanceUID` now.
    pub sop_instance_uid: Uid,
    /// Which pseudonym stands for what; not to leave the platform.
    pub mapping: Mapping,
    /// What was done, without any value.
    pub report: Report,
}

/// De-identifies a stored object, with the correction that lies over it.
///
/// The same object, policy and key give the same bytes. Memory is that of the header and of the changes.
///
/// # Errors
/// [`DeidentifyError::Policy`] when the policy contradicts itself, [`DeidentifyError::BurnedIn`] when the pixels may show
/// texts and the policy refuses that, [`DeidentifyError::Object`] when the object cannot be read whole.
pub fn deidentify(file: impl Into<ObjectFile>, policy: &Policy) -> Result<Deidentified, DeidentifyError> {
    policy.check()?;
    let file = file.into();
    if file.is_deidentified() {
        return Err(DeidentifyError::Already);
    }
    let header = Header::read(&file)?;
    refuse_burned_in(&header, policy)?;
    let rules = rules_for(&header, policy);
    let opened = object::open(Box::new(file.open()?), Limits::default().inflated_bytes_max)?;
    let marks = marks::marks(policy, opened.walker.encoding())?;
    let data_set_at = opened.walker.position();
    let Rewritten { mut edits, mut mapping, report } = rewrite(opened.walker, header.object(), &rules, marks)?;
    let sop_instance_uid = new_instance_uid(&header, &rules, &mut mapping)?;
    let transfer_syntax_uid = uid("TransferSyntaxUID", header.transfer_syntax_uid())?;
    let sop_class_uid = uid("SOPClassUID", &rules.sop_class_uid)?;
    let head = part10::kept_prefix(&sop_class_uid, &sop_instance_uid, &transfer_syntax_uid, header.native_pixel_vr());
    let is_deflated = syntax::lookup(header.transfer_syntax_uid()).is_some_and(|syntax| syntax.deflated);
    let head = if is_deflated {
        Some(head)
    } else {
        edits.insert(0, Edit { range: 0..data_set_at, bytes: head });
        None
    };
    let object = file.deidentified(Plan { edits, is_deflated, head });
    Ok(Deidentified { object, sop_instance_uid, mapping, report })
}

fn rules_for<'p>(header: &Header, policy: &'p Policy) -> Rules<'p> {
    let patient = PatientKey {
        id: text(header.object(), tags::PATIENT_ID),
        issuer: text(header.object(), tags::ISSUER_OF_PATIENT_ID),
    };
    let shift_days = pseudonym::shift_days(&policy.key, &patient, &policy.date_shift_days);
    Rules { policy, sop_class_uid: text(header.object(), tags::SOP_CLASS_UID), patient, shift_days }
}

/// The instance's UID as group 0002 has to say it, which is what the data set says.
fn new_instance_uid(header: &Header, rules: &Rules<'_>, mapping: &mut Mapping) -> Result<Uid, InspectError> {
    let original = text(header.object(), tags::SOP_INSTANCE_UID);
    let original = uid("SOPInstanceUID", &original)?;
    if rules.policy.has(DeidentificationOption::RetainUids) {
        return Ok(original);
    }
    uid("SOPInstanceUID", &rules.replace_uids(original.as_str(), mapping))
}

fn uid(keyword: &'static str, text: &str) -> Result<Uid, InspectError> {
    Uid::parse(text).map_err(|why| InspectError::BadUid { keyword, why })
}

/// PS3.3 §C.7.6.1.1.4: pixels may say who the patient is.
fn refuse_burned_in(header: &Header, policy: &Policy) -> Result<(), DeidentifyError> {
    if policy.burned_in == BurnedIn::Accept || policy.has(DeidentificationOption::CleanPixelData) {
        return Ok(());
    }
    let class = header.text("SOPClassUID");
    let is_suspect = BURNED_IN.lines().any(|line| line.split('\t').next() == Some(class.as_str()));
    match header.text("BurnedInAnnotation").as_str() {
        "NO" => Ok(()),
        "YES" => Err(DeidentifyError::BurnedIn("it says that its pixels show texts")),
        _ if is_suspect => {
            Err(DeidentifyError::BurnedIn("its pixels often show texts in its SOP class, and it does not deny that"))
        }
        _ => Ok(()),
    }
}
