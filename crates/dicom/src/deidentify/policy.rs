//! What a caller decides: the options of PS3.15 Annex E, the project's key, by how much dates move, what to do with texts in
//! the pixels.

use super::pseudonym::ProjectKey;
use crate::DeidentifyError;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// The most days that dates are moved, in either direction; a century.
pub const DATE_SHIFT_DAYS_MAX: i32 = 36_500;

/// By how many days dates are moved unless the policy says otherwise: into the past, by up to ten years.
pub const DATE_SHIFT_DAYS: RangeInclusive<i32> = -3_650..=-1;

/// An option of the Basic Application Level Confidentiality Profile (PS3.15 §E.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeidentificationOption {
    /// Somebody has cleaned the pixels before (§E.3.1). This engine does not look at pixels: it declares what it is told.
    CleanPixelData,
    /// Somebody has removed what one could recognise a face by (§E.3.2); declared as it is told, too.
    CleanRecognizableVisualFeatures,
    /// Overlays that mark regions, curves and drawn annotations stay, without their texts (§E.3.3).
    CleanGraphics,
    /// Reports keep what is coded or measured (§E.3.4).
    CleanStructuredContent,
    /// Descriptions keep words of a vocabulary (§E.3.5).
    CleanDescriptors,
    /// Dates stay as they are (§E.3.6).
    RetainFullDates,
    /// Dates move, all of a patient by the same number of days (§E.3.6).
    RetainModifiedDates,
    /// Age, sex, size, weight and the like stay (§E.3.7).
    RetainPatientCharacteristics,
    /// Which device made it stays (§E.3.8).
    RetainDeviceIdentity,
    /// UIDs stay (§E.3.9).
    RetainUids,
    /// Private numbers that are known to be safe stay (§E.3.10).
    RetainSafePrivate,
    /// Which institution made it stays (§E.3.11).
    RetainInstitutionIdentity,
}

impl DeidentificationOption {
    /// All of them, in the order of PS3.15 §E.3.
    pub const ALL: [Self; 12] = [
        Self::CleanPixelData,
        Self::CleanRecognizableVisualFeatures,
        Self::CleanGraphics,
        Self::CleanStructuredContent,
        Self::CleanDescriptors,
        Self::RetainFullDates,
        Self::RetainModifiedDates,
        Self::RetainPatientCharacteristics,
        Self::RetainDeviceIdentity,
        Self::RetainUids,
        Self::RetainSafePrivate,
        Self::RetainInstitutionIdentity,
    ];

    /// Its name in a policy file and in the packaged table, such as `modified_dates`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CleanPixelData => "pixel_data",
            Self::CleanRecognizableVisualFeatures => "visual_features",
            Self::CleanGraphics => "graphics",
            Self::CleanStructuredContent => "structured_content",
            Self::CleanDescriptors => "descriptors",
            Self::RetainFullDates => "full_dates",
            Self::RetainModifiedDates => "modified_dates",
            Self::RetainPatientCharacteristics => "patient_characteristics",
            Self::RetainDeviceIdentity => "device_identity",
            Self::RetainUids => "uids",
            Self::RetainSafePrivate => "safe_private",
            Self::RetainInstitutionIdentity => "institution_identity",
        }
    }

    /// The option of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|option| option.name() == name)
    }

    /// Its code of PS3.16 CID 7050, in the scheme `DCM`, with its meaning.
    #[must_use]
    pub const fn code(self) -> (&'static str, &'static str) {
        match self {
            Self::CleanPixelData => ("113101", "Clean Pixel Data Option"),
            Self::CleanRecognizableVisualFeatures => ("113102", "Clean Recognizable Visual Features Option"),
            Self::CleanGraphics => ("113103", "Clean Graphics Option"),
            Self::CleanStructuredContent => ("113104", "Clean Structured Content Option"),
            Self::CleanDescriptors => ("113105", "Clean Descriptors Option"),
            Self::RetainFullDates => ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
            Self::RetainModifiedDates => ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
            Self::RetainPatientCharacteristics => ("113108", "Retain Patient Characteristics Option"),
            Self::RetainDeviceIdentity => ("113109", "Retain Device Identity Option"),
            Self::RetainUids => ("113110", "Retain UIDs Option"),
            Self::RetainSafePrivate => ("113111", "Retain Safe Private Option"),
            Self::RetainInstitutionIdentity => ("113112", "Retain Institution Identity Option"),
        }
    }
}

/// What becomes of objects whose pixels may show texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BurnedIn {
    /// They are refused: those that say so, and those of the SOP classes in `burned_in.tsv` that do not deny it.
    Refuse,
    /// They pass, for somebody has looked or will look.
    Accept,
}

/// How objects of a project are de-identified.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What pseudonyms, UIDs and the shift of dates derive from.
    pub key: ProjectKey,
    /// What is kept or cleaned beyond the Basic Profile.
    pub options: BTreeSet<DeidentificationOption>,
    /// From which days the shift of a patient is drawn: without 0, and at most [`DATE_SHIFT_DAYS_MAX`] either way.
    pub date_shift_days: RangeInclusive<i32>,
    /// What becomes of pixels that may show texts.
    pub burned_in: BurnedIn,
}

impl Policy {
    /// The Basic Profile: nothing identifying is kept, and doubtful pixels are refused.
    #[must_use]
    pub fn basic(key: ProjectKey) -> Self {
        Self { key, options: BTreeSet::new(), date_shift_days: DATE_SHIFT_DAYS, burned_in: BurnedIn::Refuse }
    }

    /// The same with an option.
    #[must_use]
    pub fn with(mut self, option: DeidentificationOption) -> Self {
        self.options.insert(option);
        self
    }

    /// The same, but that pixels which may show texts pass.
    #[must_use]
    pub fn accepting_burned_in(mut self) -> Self {
        self.burned_in = BurnedIn::Accept;
        self
    }

    /// Whether an option is on.
    #[must_use]
    pub fn has(&self, option: DeidentificationOption) -> bool {
        self.options.contains(&option)
    }

    /// # Errors
    /// [`DeidentifyError::Policy`] when the policy contradicts itself.
    pub(super) fn check(&self) -> Result<(), DeidentifyError> {
        use DeidentificationOption::{RetainFullDates, RetainModifiedDates};
        let (first, last) = (*self.date_shift_days.start(), *self.date_shift_days.end());
        if self.has(RetainFullDates) && self.has(RetainModifiedDates) {
            return Err(DeidentifyError::Policy("dates cannot both stay and move"));
        }
        if first > last || first < -DATE_SHIFT_DAYS_MAX || last > DATE_SHIFT_DAYS_MAX {
            return Err(DeidentifyError::Policy(
                "date_shift_days has to lie within a century, its smaller bound first",
            ));
        }
        if self.date_shift_days.contains(&0) {
            return Err(DeidentifyError::Policy("date_shift_days holds 0, by which dates would stay"));
        }
        Ok(())
    }
}
