//! What becomes of one attribute, by the table, by where it stands, and by what it holds. Nothing here knows encodings.

use super::table::{self, Task};
use super::types::{Type, type_of};
use super::value::{dummy, is_free_text, known_words, moved, retained_age};
use super::{Action, DeidentificationOption, Mapping, Policy, concepts, private, pseudonym};
use crate::object::text;
use crate::walk::dictionary_vr;
use DeidentificationOption as Opt;
use dicom_core::dictionary::DataDictionary;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;
use lightbox_domain::PatientKey;

/// What may hide behind the end of a data set (PS3.10 §7.2).
const DATA_SET_TRAILING_PADDING: Tag = Tag(0xFFFC, 0xFFFC);
/// Sound in a curve (retired).
const AUDIO: std::ops::RangeInclusive<u16> = 0x2000..=0x200E;

/// The data set, or an item of it.
#[derive(Clone, Copy)]
pub(super) struct Scope<'o> {
    /// What is in it, decoded.
    pub item: &'o InMemDicomObject,
    /// The sequence that it is an item of.
    pub within: Option<Tag>,
    pub mode: Mode,
}

/// What becomes of attributes that the table does not name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mode {
    /// They stay.
    Plain,
    /// They are in a sequence that becomes a dummy: texts, dates, measures and UIDs are replaced.
    Dummy,
    /// They are in a sequence that is cleaned: texts keep known words, but for those of published codes.
    Clean,
}

/// What becomes of a value.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    Stays,
    Goes,
    /// Another value, without padding.
    Becomes(Vec<u8>),
}

/// An attribute with a value that something is to be done with.
pub(super) struct Attribute<'o> {
    pub scope: Scope<'o>,
    pub tag: Tag,
    pub vr: VR,
    /// Its values, divided by backslash; empty when they are no text or very long.
    pub text: String,
    /// Its bytes, of private attributes only.
    pub bytes: Vec<u8>,
}

/// The rules of a policy for one object.
pub(super) struct Rules<'p> {
    pub policy: &'p Policy,
    pub sop_class_uid: String,
    pub patient: PatientKey,
    pub shift_days: i32,
}

impl Rules<'_> {
    /// What is to be done with an attribute; `None` when it stays as it is, and a sequence is looked through as its scope is.
    pub(super) fn task(&self, scope: &Scope<'_>, tag: Tag, vr: VR) -> Option<Task> {
        if !tag.group().is_multiple_of(2) {
            let stays = self.policy.has(Opt::RetainSafePrivate) && private::may_stay(scope.item, tag);
            return Some(if stays { Task::Clean(Opt::RetainSafePrivate) } else { Task::Remove });
        }
        let is_no_sequence = vr != VR::SQ && dictionary_vr(tag) == VR::SQ;
        if tag.element() == 0 || tag == DATA_SET_TRAILING_PADDING || is_no_sequence {
            return Some(Task::Remove);
        }
        if matches!(tag.group(), 0x5000..=0x50FF | 0x6000..=0x60FF) {
            return self.graphics_task(scope, tag, vr);
        }
        if let Some(row) = table::row(tag) {
            return Some(row.task(&self.policy.options, || self.type_of(scope, tag)));
        }
        if StandardDataDictionary.by_tag(tag).is_none() {
            return Some(Task::Remove);
        }
        unlisted_task(scope, vr)
    }

    fn type_of(&self, scope: &Scope<'_>, tag: Tag) -> Type {
        type_of(&self.sop_class_uid, scope.within, tag)
    }

    /// Overlays and curves go or stay as a whole: without its data, a plane is no plane (PS3.3 §C.9.2). What is cleaned
    /// are overlays that mark a region rather than draw or write, and curves; their texts keep known words.
    fn graphics_task(&self, scope: &Scope<'_>, tag: Tag, vr: VR) -> Option<Task> {
        let is_overlay = tag.group() >= 0x6000;
        let is_region = text(scope.item, Tag(tag.group(), 0x0040)) == "R";
        if !self.policy.has(Opt::CleanGraphics)
            || is_overlay && !is_region
            || !is_overlay && AUDIO.contains(&tag.element())
        {
            return Some(Task::Remove);
        }
        match vr {
            VR::SQ | VR::PN | VR::UN => Some(Task::Remove),
            _ if is_free_text(vr) => Some(Task::Clean(Opt::CleanGraphics)),
            _ => None,
        }
    }

    /// What a task means for a value, and the letter that tells of it.
    pub(super) fn settle(&self, task: Task, attribute: &Attribute<'_>, mapping: &mut Mapping) -> (Outcome, Action) {
        let Attribute { scope, tag, vr, text, bytes } = attribute;
        match task {
            Task::Remove => (Outcome::Goes, Action::Remove),
            Task::Empty | Task::References => (self.emptied(attribute, mapping), Action::Empty),
            Task::Dummy => (self.dummied(attribute, mapping), Action::Dummy),
            Task::ReplaceUid => (Outcome::Becomes(self.replace_uids(text, mapping).into()), Action::ReplaceUid),
            Task::Keep if *vr == VR::AS => match retained_age(text) {
                Some(age) => (Outcome::Becomes(age.into()), Action::Keep),
                None => self.settle_basic(attribute, mapping),
            },
            Task::Keep => (Outcome::Stays, Action::Keep),
            Task::Clean(Opt::RetainSafePrivate) => match private::is_safe_value(scope.item, *tag, bytes) {
                true => (Outcome::Stays, Action::Clean),
                false => (Outcome::Goes, Action::Remove),
            },
            Task::Clean(option) => match self.cleaned(option, attribute) {
                Some(value) => (Outcome::Becomes(value.into()), Action::Clean),
                None => self.settle_basic(attribute, mapping),
            },
        }
    }

    /// What the Basic Profile asks for, where an option cannot be fulfilled; a dummy where it asks for nothing.
    fn settle_basic(&self, attribute: &Attribute<'_>, mapping: &mut Mapping) -> (Outcome, Action) {
        let kind = || self.type_of(&attribute.scope, attribute.tag);
        let is_graphic = matches!(attribute.tag.group(), 0x5000..=0x50FF | 0x6000..=0x60FF);
        let task = match table::row(attribute.tag) {
            Some(row) => row.basic_task(kind),
            None if is_graphic => Task::Remove,
            None => Task::Dummy,
        };
        self.settle(task, attribute, mapping)
    }

    fn cleaned(&self, option: Opt, Attribute { tag, vr, text, .. }: &Attribute<'_>) -> Option<String> {
        match option {
            Opt::RetainModifiedDates => moved(*vr, text, self.shift_days),
            Opt::RetainDeviceIdentity => Some(pseudonym::text(&self.policy.key, *tag, text)),
            _ if is_free_text(*vr) || *vr == VR::CS => known_words(*vr, text),
            _ => None,
        }
    }

    /// Z: nothing, but a pseudonym for who the patient is.
    fn emptied(&self, attribute: &Attribute<'_>, mapping: &mut Mapping) -> Outcome {
        match attribute.tag {
            tags::PATIENT_ID | tags::PATIENT_NAME => {
                Outcome::Becomes(self.patient_pseudonym(&attribute.scope, mapping).into())
            }
            _ => Outcome::Becomes(Vec::new()),
        }
    }

    /// D: see [`dummy`].
    fn dummied(&self, attribute: &Attribute<'_>, mapping: &mut Mapping) -> Outcome {
        let Attribute { scope, tag, vr, text, .. } = attribute;
        let value = match (*tag, *vr) {
            (tags::PATIENT_ID, _) => self.patient_pseudonym(scope, mapping).into_bytes(),
            (_, VR::UI) => self.replace_uids(text, mapping).into_bytes(),
            _ => Vec::new(),
        };
        let value = if value.is_empty() { dummy(&self.policy.key, *tag, *vr, text) } else { value };
        Outcome::Becomes(value)
    }

    /// An item may name a patient of its own, whose issuer is the object's unless it says another.
    fn patient_pseudonym(&self, scope: &Scope<'_>, mapping: &mut Mapping) -> String {
        let patient = match scope.within {
            None => self.patient.clone(),
            Some(_) => {
                let issuer = Some(text(scope.item, tags::ISSUER_OF_PATIENT_ID)).filter(|issuer| !issuer.is_empty());
                let issuer = issuer.unwrap_or_else(|| self.patient.issuer.clone());
                PatientKey { id: text(scope.item, tags::PATIENT_ID), issuer }
            }
        };
        let pseudonym = pseudonym::patient(&self.policy.key, &patient);
        if !pseudonym.is_empty() {
            mapping.add_patient(patient, &pseudonym);
        }
        pseudonym
    }

    /// Each UID by its pseudonym; those of the standard stay.
    pub(super) fn replace_uids(&self, text: &str, mapping: &mut Mapping) -> String {
        let replace = |original: &str| match pseudonym::uid(&self.policy.key, original) {
            Some(uid) if !original.is_empty() => {
                mapping.add_uid(original, uid.as_str());
                uid.as_str().to_owned()
            }
            _ => original.to_owned(),
        };
        text.split('\\').map(str::trim).map(replace).collect::<Vec<_>>().join("\\")
    }

    /// How the items of a sequence are looked through; `None` when it does not stay.
    pub(super) fn mode(&self, task: Option<Task>, scope: &Scope<'_>) -> Option<Mode> {
        match task {
            None => Some(scope.mode),
            Some(Task::Remove | Task::Empty | Task::Clean(Opt::RetainSafePrivate)) => None,
            Some(Task::Keep | Task::References | Task::Clean(Opt::CleanGraphics)) => Some(Mode::Plain),
            Some(Task::Clean(Opt::CleanDescriptors | Opt::CleanStructuredContent)) => Some(Mode::Clean),
            Some(Task::Dummy | Task::ReplaceUid | Task::Clean(_)) => Some(Mode::Dummy),
        }
    }

    /// What is to be done with a sequence.
    pub(super) fn sequence_task(&self, scope: &Scope<'_>, tag: Tag) -> Option<Task> {
        let tells = scope.mode == Mode::Clean && concepts::tells_of_subject(scope.item, tag);
        if tells && !self.policy.has(Opt::RetainPatientCharacteristics) {
            return Some(if tag == tags::MEASURED_VALUE_SEQUENCE { Task::Empty } else { Task::Dummy });
        }
        self.task(scope, tag, VR::SQ)
    }
}

fn unlisted_task(scope: &Scope<'_>, vr: VR) -> Option<Task> {
    match (scope.mode, vr) {
        (_, VR::SQ) => None,
        (Mode::Plain | Mode::Clean, VR::PN) => Some(Task::Empty),
        (Mode::Clean, _) if is_free_text(vr) && !concepts::is_published_code(scope.item) => {
            Some(Task::Clean(Opt::CleanStructuredContent))
        }
        (Mode::Plain | Mode::Clean, _) => None,
        (Mode::Dummy, VR::UI) => Some(Task::ReplaceUid),
        (Mode::Dummy, VR::AT | VR::CS | VR::IS | VR::SL | VR::SS | VR::SV | VR::UL | VR::US | VR::UV) => None,
        (Mode::Dummy, _) => Some(Task::Dummy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deidentify::ProjectKey;
    use dicom_core::{DataElement, PrimitiveValue};

    fn settled(options: &[Opt], mode: Mode, (tag, vr, text): (Tag, VR, &str)) -> (Option<Outcome>, String) {
        let policy = options.iter().fold(Policy::basic(ProjectKey::new([7; 32])), |policy, one| policy.with(*one));
        let mut item = InMemDicomObject::new_empty();
        item.put(DataElement::new(tag, vr, PrimitiveValue::from(text)));
        let scope = Scope { item: &item, within: Some(tags::ROI_CONTOUR_SEQUENCE), mode };
        let rules =
            Rules { policy: &policy, sop_class_uid: String::new(), patient: PatientKey::default(), shift_days: -1 };
        let attribute = Attribute { scope, tag, vr, text: text.to_owned(), bytes: text.into() };
        let task = rules.task(&scope, tag, vr);
        let outcome = task.map(|task| rules.settle(task, &attribute, &mut Mapping::default()).0);
        let said = match &outcome {
            Some(Outcome::Becomes(value)) => String::from_utf8_lossy(value).into_owned(),
            _ => String::new(),
        };
        (outcome, said)
    }

    #[test]
    fn what_neither_table_nor_dictionary_knows_goes() {
        let unknown = (Tag(0x0010, 0x0FFE), VR::LO, "Doe");
        assert_eq!(settled(&[], Mode::Plain, unknown).0, Some(Outcome::Goes));
        assert_eq!(settled(&[Opt::CleanDescriptors], Mode::Clean, unknown).0, Some(Outcome::Goes));
        assert_eq!(settled(&[], Mode::Plain, (tags::MODALITY, VR::CS, "CT")).0, None);
        assert_eq!(settled(&[], Mode::Plain, (tags::MODALITY, VR::PN, "Doe")).1, "", "a name where none belongs");
        let text = (tags::ANATOMIC_REGION_SEQUENCE, VR::LT, "Doe");
        assert_eq!(settled(&[], Mode::Plain, text).0, Some(Outcome::Goes), "a text where items belong");
    }

    #[test]
    fn within_a_dummy_only_codes_and_counts_stay() {
        assert_eq!(settled(&[], Mode::Dummy, (tags::MODALITY, VR::CS, "CT")).0, None);
        assert_eq!(settled(&[], Mode::Dummy, (tags::PIXEL_SPACING, VR::DS, "0.2")).1, "0");
        let meaning = settled(&[], Mode::Dummy, (tags::CODE_MEANING, VR::LO, "Doe")).1;
        assert!(meaning.len() == 16 && meaning.starts_with('X'), "{meaning}");
    }

    #[test]
    fn what_cannot_be_cleaned_is_dealt_with_as_without_the_option() {
        let date = |text| settled(&[Opt::RetainModifiedDates], Mode::Plain, (tags::STUDY_DATE, VR::DA, text)).1;
        assert_eq!((date("20240301").as_str(), date("Doe").as_str()), ("20240229", ""));
        let body = |text| settled(&[Opt::CleanDescriptors], Mode::Plain, (tags::STUDY_DESCRIPTION, VR::LO, text)).0;
        assert_eq!(body("chest of Doe"), Some(Outcome::Becomes(b"CHEST OF".to_vec())));
        assert_eq!(body("Doe"), Some(Outcome::Goes));
        let age = |text| settled(&[Opt::RetainPatientCharacteristics], Mode::Plain, (tags::PATIENT_AGE, VR::AS, text));
        assert_eq!(age("095Y").1, "090Y");
        assert_eq!(age("Doe").0, Some(Outcome::Goes));
    }
}
