//! Whether a study is what was ordered, and of whom it says it is: a pure rule, with the reason in words.
//!
//! A study matches an order by accession number and patient. Identifiers of patients are compared with their issuers; where
//! only one side names an issuer, as most modalities name none, the accession number has to decide. Names are compared
//! without case, accents and titles; what one side does not say contradicts nothing.

use crate::access::named;
use crate::{Order, OrderState, Patient, StudyAttributes, Values, ValuesError, fold_name};

named! {
    /// How a study stands to the orders.
    MatchState {
        /// It is what an order asked for.
        Matched = "matched",
        /// One order fits; a person has to say so.
        Suggested = "suggested",
        /// No order fits.
        Unmatched = "unmatched",
        /// It says something of its patient that an order, or an earlier study, denies.
        Contradicts = "contradicts",
        /// A person said that it needs no order.
        NotNeeded = "not_needed",
    }
}

impl MatchState {
    /// Whether somebody should look at the study.
    #[must_use]
    pub const fn is_queued(self) -> bool {
        matches!(self, Self::Suggested | Self::Unmatched | Self::Contradicts)
    }
}

named! {
    /// Why.
    MatchReason {
        /// Both agree.
        AccessionAndPatient = "accession_and_patient",
        /// Both agree, as far as the issuer is said.
        AccessionAndIdentifier = "accession_and_identifier",
        /// A person said which order it is.
        Linked = "linked",
        /// A person said that there is none.
        NoOrderNeeded = "no_order_needed",
        /// No accession number, and one order that fits.
        OneOrderThatDay = "one_order_that_day",
        /// The accession number is known, the patient is not said.
        AccessionWithoutPatient = "accession_without_patient",
        /// No patient identifier.
        NoPatientId = "no_patient_id",
        /// No accession number, and no order that fits.
        NoAccession = "no_accession",
        /// No accession number, and more than one order that fits.
        SeveralOrdersThatDay = "several_orders_that_day",
        /// The order was taken back.
        OrderCanceled = "order_canceled",
        /// The patient is known from other orders.
        AccessionUnknown = "accession_unknown",
        /// Neither is known.
        NoOrder = "no_order",
        /// The order is of another patient.
        AccessionOfAnother = "accession_of_another",
        /// The identifier is the order's, the rest is not.
        DiffersFromOrder = "differs_from_order",
        /// The identifier is that of an earlier study, the rest is not.
        DiffersFromPatient = "differs_from_patient",
    }
}

impl MatchReason {
    /// Whether a person decided so, which stays until somebody takes it back.
    #[must_use]
    pub const fn is_by_person(self) -> bool {
        matches!(self, Self::Linked | Self::NoOrderNeeded)
    }

    /// The reason in words, without what identifies anybody.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::AccessionAndPatient => "accession number and patient are those of the order",
            Self::AccessionAndIdentifier => {
                "accession number and patient identifier are those of the order; only one of the two says who issued it"
            }
            Self::Linked => "a person said that it belongs to the order",
            Self::NoOrderNeeded => "a person said that it needs no order",
            Self::OneOrderThatDay => {
                "it has no accession number; the patient has exactly one order for that day and modality"
            }
            Self::AccessionWithoutPatient => {
                "the accession number is that of an order; the study has no patient identifier"
            }
            Self::NoPatientId => "the study has no patient identifier",
            Self::NoAccession => "it has no accession number, and no order of the patient is for that day and modality",
            Self::SeveralOrdersThatDay => {
                "it has no accession number, and several orders of the patient are for that day and modality"
            }
            Self::OrderCanceled => "the order with this accession number was canceled",
            Self::AccessionUnknown => "the patient has orders, but none with this accession number",
            Self::NoOrder => "no order has this accession number, and none is for this patient",
            Self::AccessionOfAnother => "the accession number is that of an order for another patient",
            Self::DiffersFromOrder => "the order with this patient identifier has another name, birth date or sex",
            Self::DiffersFromPatient => {
                "an earlier study with this patient identifier has another name, birth date or sex"
            }
        }
    }
}

/// How a study stands to the orders, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderMatch {
    /// How.
    pub state: MatchState,
    /// Why.
    pub reason: MatchReason,
    /// The order that the reason speaks of, by our identifier.
    pub order_id: Option<String>,
}

impl OrderMatch {
    fn new(state: MatchState, reason: MatchReason, order: Option<&Order>) -> Self {
        Self { state, reason, order_id: order.map(|order| order.id.clone()) }
    }
}

/// What a study is matched with.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// Orders with the study's accession number or patient identifier, whatever their issuers and states.
    pub orders: Vec<Order>,
    /// The order, by our identifier, to which a person linked the study.
    pub linked: Option<String>,
    /// What the earliest other study of the patient says of them.
    pub patient: Option<Patient>,
    /// Whether a study of this age is to have an order.
    pub is_order_expected: bool,
}

/// How a study whose acquired series have these modalities stands to the orders; `None` when there is nothing to say.
#[must_use]
pub fn match_order(study: &StudyAttributes, modalities: &[String], with: &Candidates) -> Option<OrderMatch> {
    let patient = &study.patient;
    let active = || with.orders.iter().filter(|order| order.state == OrderState::Active);
    let is_linked = |order: &&Order| with.linked.as_ref() == Some(&order.id) && still_fits(study, order);
    if let Some(order) = active().find(is_linked) {
        return Some(OrderMatch::new(MatchState::Matched, MatchReason::Linked, Some(order)));
    }
    if let Some(found) = match_accession(study, active()) {
        return Some(found);
    }
    if with.patient.as_ref().is_some_and(|known| !patient_differences(patient, known).is_empty()) {
        return Some(OrderMatch::new(MatchState::Contradicts, MatchReason::DiffersFromPatient, None));
    }
    if !with.is_order_expected {
        return None;
    }
    let unmatched = |reason| Some(OrderMatch::new(MatchState::Unmatched, reason, None));
    if patient.key.id.is_empty() {
        return unmatched(MatchReason::NoPatientId);
    }
    let of_patient: Vec<&Order> = active().filter(|order| same_patient(patient, order) != Same::No).collect();
    if study.accession_number.is_empty() {
        return match_day(study, modalities, &of_patient);
    }
    let is_canceled = |order: &&Order| order.state == OrderState::Canceled && has_accession(study, order);
    match with.orders.iter().find(is_canceled) {
        Some(order) => Some(OrderMatch::new(MatchState::Unmatched, MatchReason::OrderCanceled, Some(order))),
        None if of_patient.is_empty() => unmatched(MatchReason::NoOrder),
        None => unmatched(MatchReason::AccessionUnknown),
    }
}

/// By the accession number; `None` when no order has it.
fn match_accession<'a>(study: &StudyAttributes, orders: impl Iterator<Item = &'a Order>) -> Option<OrderMatch> {
    let patient = &study.patient;
    let known: Vec<&Order> = orders.filter(|order| has_accession(study, order)).collect();
    let first = *known.first()?;
    for (same, reason) in
        [(Same::Yes, MatchReason::AccessionAndPatient), (Same::AsFarAsSaid, MatchReason::AccessionAndIdentifier)]
    {
        if let Some(order) = known.iter().find(|order| same_patient(patient, order) == same) {
            return Some(match agrees(patient, order) {
                true => OrderMatch::new(MatchState::Matched, reason, Some(order)),
                false => OrderMatch::new(MatchState::Contradicts, MatchReason::DiffersFromOrder, Some(order)),
            });
        }
    }
    let is_open = patient.key.id.is_empty() && agrees(patient, first);
    Some(match is_open {
        true => OrderMatch::new(MatchState::Suggested, MatchReason::AccessionWithoutPatient, Some(first)),
        false => OrderMatch::new(MatchState::Contradicts, MatchReason::AccessionOfAnother, Some(first)),
    })
}

/// By day and modality, among the orders of the patient.
fn match_day(study: &StudyAttributes, modalities: &[String], of_patient: &[&Order]) -> Option<OrderMatch> {
    let is_that_day = |order: &&&Order| {
        let (date, modality) = (order.content.get("scheduled_date"), order.content.get("modality"));
        !date.is_empty() && date == study.study_date && modalities.iter().any(|one| one == modality)
    };
    let that_day: Vec<&&Order> = of_patient.iter().filter(is_that_day).collect();
    let (state, reason, order) = match that_day.as_slice() {
        [] => (MatchState::Unmatched, MatchReason::NoAccession, None),
        [one] if agrees(&study.patient, one) => (MatchState::Suggested, MatchReason::OneOrderThatDay, Some(**one)),
        [one] => (MatchState::Contradicts, MatchReason::DiffersFromOrder, Some(**one)),
        _ => (MatchState::Unmatched, MatchReason::SeveralOrdersThatDay, None),
    };
    Some(OrderMatch::new(state, reason, order))
}

/// What has to be corrected of a study so that it says what its order does, where the two differ.
///
/// # Errors
/// When a value of the order cannot stand in a study.
pub fn link_values(study: &StudyAttributes, order: &Order) -> Result<Values, ValuesError> {
    let patient = &study.patient;
    // A name that is only written otherwise stays as it is.
    let is_kept = !patient.name.is_empty() && is_same_name(&patient.name, order.content.get("patient_name"));
    let name = if is_kept { order.content.get("patient_name") } else { &patient.name };
    let pairs = [
        ("AccessionNumber", "accession_number", study.accession_number.as_str()),
        ("PatientID", "patient_id", &patient.key.id),
        ("IssuerOfPatientID", "issuer_of_patient_id", &patient.key.issuer),
        ("PatientName", "patient_name", name),
        ("PatientBirthDate", "patient_birth_date", &patient.birth_date),
        ("PatientSex", "patient_sex", &patient.sex),
    ];
    let mut values = Values::default();
    for (keyword, field, said) in pairs {
        let ordered = order.content.get(field);
        if !ordered.is_empty() && ordered != said {
            values.set(keyword, ordered)?;
        }
    }
    Ok(values)
}

/// Whether nothing that both say tells a study from its order.
fn still_fits(study: &StudyAttributes, order: &Order) -> bool {
    let ordered = order.content.get("accession_number");
    let is_same_accession = ordered.is_empty() || ordered == study.accession_number;
    is_same_accession && same_patient(&study.patient, order) != Same::No && agrees(&study.patient, order)
}

fn has_accession(study: &StudyAttributes, order: &Order) -> bool {
    !study.accession_number.is_empty() && order.content.get("accession_number") == study.accession_number
}

/// Whether two identifiers are of one patient.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Same {
    Yes,
    /// The identifiers are equal, and only one of them has an issuer.
    AsFarAsSaid,
    No,
}

fn same_patient(patient: &Patient, order: &Order) -> Same {
    let key = &patient.key;
    let issuer = order.content.get("issuer_of_patient_id");
    match !key.id.is_empty() && order.content.get("patient_id") == key.id {
        false => Same::No,
        true if key.issuer == issuer => Same::Yes,
        true if key.issuer.is_empty() || issuer.is_empty() => Same::AsFarAsSaid,
        true => Same::No,
    }
}

fn agrees(patient: &Patient, order: &Order) -> bool {
    patient_differences(patient, &order.content.patient()).is_empty()
}

/// The keywords of what two say differently of one person, beside the identifier. What one of them does not say counts
/// for nothing.
#[must_use]
pub fn patient_differences(one: &Patient, other: &Patient) -> Vec<&'static str> {
    let differ = |one: &str, other: &str| !one.is_empty() && !other.is_empty() && one != other;
    let pairs = [
        ("PatientName", !is_same_name(&one.name, &other.name)),
        ("PatientBirthDate", differ(&one.birth_date, &other.birth_date)),
        ("PatientSex", differ(&one.sex, &other.sex)),
    ];
    pairs.into_iter().filter(|(_, differs)| *differs).map(|(keyword, _)| keyword).collect()
}

/// Whether two names can be one person's: equal in one of the component groups that both have (PS3.5 §6.2.1).
fn is_same_name(one: &str, other: &str) -> bool {
    let (one, other) = (fold_name(one), fold_name(other));
    let both: Vec<_> = one.split('=').zip(other.split('=')).map(|(one, other)| (words(one), words(other))).collect();
    let mut said = both.iter().filter(|(one, other)| !one.is_empty() && !other.is_empty()).peekable();
    said.peek().is_none() || said.any(|(one, other)| one == other)
}

/// The words of a folded component group: family, given and middle name, without prefix and suffix.
fn words(group: &str) -> Vec<&str> {
    let components = group.split('^').take(3);
    components.flat_map(|one| one.split([' ', '-', ',', '.'])).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OrderContent, PatientKey, Uid};

    fn order(id: &str, fields: &[(&str, &str)]) -> Order {
        let mut content = OrderContent::default();
        let usual =
            [("accession_number", "A1"), ("patient_id", "P1"), ("patient_name", "Doe^Jane"), ("modality", "CT")];
        for (field, value) in usual.iter().chain(&[("scheduled_date", "20261122")]).chain(fields) {
            content.set(field, value).expect("valid");
        }
        let (source, number) = ("RIS".to_owned(), id.to_owned());
        let state = OrderState::Active;
        Order { id: id.to_owned(), source, number, content, state, received_ms: 1, changed_ms: 1 }
    }

    fn study(accession_number: &str, patient_id: &str, name: &str) -> StudyAttributes {
        let text = |text: &str| text.to_owned();
        let key = PatientKey { id: text(patient_id), issuer: String::new() };
        StudyAttributes {
            study_instance_uid: Uid::parse("1.2").expect("valid"),
            patient: Patient { key, name: text(name), ..Patient::default() },
            accession_number: text(accession_number),
            study_date: text("20261122"),
            study_time: String::new(),
            study_id: String::new(),
            study_description: String::new(),
            referring_physician_name: String::new(),
        }
    }

    #[track_caller]
    fn check(study: &StudyAttributes, orders: &[Order], state: MatchState, reason: MatchReason, order: Option<&str>) {
        let with = Candidates { orders: orders.to_vec(), is_order_expected: true, ..Candidates::default() };
        let found = match_order(study, &["CT".to_owned()], &with);
        let order_id = order.map(str::to_owned);
        assert_eq!(found, Some(OrderMatch { state, reason, order_id }));
    }

    #[test]
    fn a_study_matches_by_accession_number_and_patient() {
        use MatchReason as R;
        use MatchState::{Contradicts, Matched};
        let issued = order("O2", &[("issuer_of_patient_id", "HOSPITAL")]);
        let jane = study("A1", "P1", "DOE^JANE^^DR");
        check(&jane, &[order("O1", &[])], Matched, R::AccessionAndPatient, Some("O1"));
        check(&jane, std::slice::from_ref(&issued), Matched, R::AccessionAndIdentifier, Some("O2"));
        check(&jane, &[issued.clone(), order("O1", &[])], Matched, R::AccessionAndPatient, Some("O1"));
        let mut elsewhere = jane;
        elsewhere.patient.key.issuer = "CLINIC".to_owned();
        check(&elsewhere, &[issued], Contradicts, R::AccessionOfAnother, Some("O2"));
        check(&study("A1", "P2", "Doe^Jane"), &[order("O1", &[])], Contradicts, R::AccessionOfAnother, Some("O1"));
        check(&study("A1", "P1", "Roe^Jane"), &[order("O1", &[])], Contradicts, R::DiffersFromOrder, Some("O1"));
    }

    #[test]
    fn what_no_order_fits_says_why() {
        use MatchReason as R;
        use MatchState::Unmatched;
        let orders = [order("O1", &[])];
        check(&study("A9", "P1", ""), &orders, Unmatched, R::AccessionUnknown, None);
        check(&study("A9", "P9", ""), &orders, Unmatched, R::NoOrder, None);
        check(&study("A9", "", ""), &orders, Unmatched, R::NoPatientId, None);
        check(&study("", "P9", ""), &orders, Unmatched, R::NoAccession, None);
        let canceled = Order { state: OrderState::Canceled, ..order("O1", &[]) };
        check(&study("A1", "P1", ""), &[canceled], Unmatched, R::OrderCanceled, Some("O1"));
    }

    #[test]
    fn what_one_order_fits_is_suggested() {
        use MatchReason as R;
        use MatchState::{Contradicts, Suggested, Unmatched};
        let open = study("", "P1", "Doe^Jane");
        let (first, second) = (order("O1", &[]), order("O2", &[("accession_number", "A2")]));
        check(&open, std::slice::from_ref(&first), Suggested, R::OneOrderThatDay, Some("O1"));
        check(&open, &[first.clone(), second], Unmatched, R::SeveralOrdersThatDay, None);
        check(&open, &[order("O1", &[("modality", "MR")])], Unmatched, R::NoAccession, None);
        check(&open, &[order("O1", &[("scheduled_date", "20261123")])], Unmatched, R::NoAccession, None);
        check(&study("", "P1", "Roe^Jane"), std::slice::from_ref(&first), Contradicts, R::DiffersFromOrder, Some("O1"));
        check(
            &study("A1", "", "Doe^Jane"),
            std::slice::from_ref(&first),
            Suggested,
            R::AccessionWithoutPatient,
            Some("O1"),
        );
        check(&study("A1", "", "Roe^Jane"), &[first], Contradicts, R::AccessionOfAnother, Some("O1"));
    }

    #[test]
    fn what_a_person_linked_stays_so_while_nothing_tells_them_apart() {
        let ordered = order("O1", &[("accession_number", ""), ("modality", "MR")]);
        let with = Candidates { orders: vec![ordered], linked: Some("O1".to_owned()), ..Candidates::default() };
        let reason = |study| match_order(&study, &["CT".to_owned()], &with).map(|found| found.reason);
        assert_eq!(reason(study("A7", "P1", "Doe^Jane")), Some(MatchReason::Linked));
        assert_eq!(reason(study("A7", "P2", "Doe^Jane")), None);
        assert_eq!(reason(study("A7", "P1", "Roe^Jane")), None);
    }

    #[test]
    fn a_link_corrects_what_differs_and_no_more() {
        let ordered = order("O1", &[("issuer_of_patient_id", "HOSPITAL"), ("patient_birth_date", "19500101")]);
        let values = link_values(&study("A9", "P1", "DOE JANE"), &ordered).expect("valid");
        let keywords: Vec<_> = values.keywords().collect();
        assert_eq!(keywords, ["AccessionNumber", "IssuerOfPatientID", "PatientBirthDate"], "the name is the same");
        let values = link_values(&study("A1", "P2", "Roe^Jane"), &order("O1", &[])).expect("valid");
        assert_eq!((values.get("PatientID"), values.get("PatientName")), (Some("P1"), Some("Doe^Jane")));
    }

    #[test]
    fn a_patient_who_is_known_otherwise_is_noticed_without_orders() {
        let known = |name: &str| Candidates {
            patient: Some(Patient { name: name.to_owned(), ..Patient::default() }),
            ..Candidates::default()
        };
        let found = match_order(&study("", "P1", "Roe^Jane"), &[], &known("Doe^Jane"));
        assert_eq!(found.map(|found| found.reason), Some(MatchReason::DiffersFromPatient));
        assert_eq!(match_order(&study("", "P1", "Doe^Jane"), &[], &known("DOE^JANE")), None);
    }

    #[test]
    fn names_are_compared_as_people_write_them() {
        for (one, other, same) in [
            ("Müller^Jörg", "MULLER JORG", true),
            ("Smith-Jones^Ann^^Dr", "SMITH JONES^ANN", true),
            ("", "Doe^Jane", true),
            ("Yamada^Tarou=山田^太郎", "YAMADA^TARO=山田^太郎", true),
            ("Doe^Jane", "Doe^John", false),
            ("Doe^Jane", "Doe", false),
        ] {
            assert_eq!(is_same_name(one, other), same, "{one} {other}");
        }
        let born = |date: &str| Patient { birth_date: date.to_owned(), ..Patient::default() };
        assert_eq!(patient_differences(&born("19500101"), &born("19500110")), ["PatientBirthDate"]);
        assert!(patient_differences(&born("19500101"), &born("")).is_empty());
    }

    #[test]
    fn words_are_read_back() {
        assert!(MatchReason::ALL.iter().all(|one| MatchReason::parse(one.as_str()) == Some(*one)));
        assert!(MatchState::ALL.iter().all(|one| MatchState::parse(one.as_str()) == Some(*one)));
    }
}
