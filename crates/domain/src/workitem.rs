//! Workitems: work that one system offers and another one claims and does (Unified Procedure Step, PS3.4 Annex CC). Here are
//! their states, who may change what, and the attributes of `data/workitems.toml`.

use crate::{Matching, QueryError, Uid};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Where a workitem stands (PS3.4 §CC.1.1). Whoever claims it chooses a Transaction UID, by which alone it is changed
/// from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkitemState {
    /// Waits for a performer.
    Scheduled,
    /// Somebody claimed it.
    InProgress,
    /// It is done.
    Completed,
    /// It will not be done.
    Canceled,
}

impl WorkitemState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Scheduled, Self::InProgress, Self::Completed, Self::Canceled];

    /// The value of `ProcedureStepState`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::InProgress => "IN PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Canceled => "CANCELED",
        }
    }

    /// The state of that value.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == value)
    }

    /// Whether it changes no more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Canceled)
    }
}

/// Who holds a workitem, as far as it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held<'a> {
    /// Where it stands.
    pub state: WorkitemState,
    /// The Transaction UID of whoever claimed it.
    pub transaction_uid: Option<&'a Uid>,
}

/// What follows from asking for a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateChange {
    /// It is in that state from now on.
    Becomes(WorkitemState),
    /// It was already, which is no error (PS3.4 Table CC.2.1-2: B304, B306).
    Already(WorkitemState),
}

/// What follows from asking that a workitem be canceled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAnswer {
    /// Nobody had claimed it: it is canceled.
    Canceled,
    /// Its performer is told, and decides.
    PerformerIsAsked,
    /// It was canceled already.
    Already,
}

/// Why a workitem is not changed (PS3.4 Tables CC.2.1-2, CC.2.2-2 and CC.2.6-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkitemRefusal {
    /// C301, nothing given.
    #[error("the Transaction UID is missing")]
    TransactionUidMissing,
    /// C301, another one given.
    #[error("the Transaction UID is incorrect")]
    TransactionUidIncorrect,
    /// C300.
    #[error("the workitem is {} and may no longer be changed", .0.as_str())]
    Final(WorkitemState),
    /// C302.
    #[error("the workitem is already in progress")]
    AlreadyInProgress,
    /// C303.
    #[error("a workitem becomes SCHEDULED only when it is created")]
    NeverScheduledAgain,
    /// C310.
    #[error("the workitem is not claimed yet")]
    NotClaimed,
    /// C311.
    #[error("the workitem is already completed")]
    AlreadyCompleted,
    /// C312.
    #[error("the performer cannot be contacted: nobody is subscribed to the workitem")]
    PerformerUnreachable,
}

impl Held<'_> {
    /// Whether `given` may change the state to `wanted` (PS3.4 Table CC.1.1-2).
    ///
    /// # Errors
    /// Why not.
    pub fn change_state(self, wanted: WorkitemState, given: Option<&Uid>) -> Result<StateChange, WorkitemRefusal> {
        use WorkitemState::{Canceled, Completed, InProgress, Scheduled};
        if wanted == Scheduled {
            return Err(WorkitemRefusal::NeverScheduledAgain);
        }
        let given = given.ok_or(WorkitemRefusal::TransactionUidMissing)?;
        if self.transaction_uid.is_some_and(|owner| owner != given) {
            return Err(WorkitemRefusal::TransactionUidIncorrect);
        }
        match (self.state, wanted) {
            (Scheduled, InProgress) | (InProgress, Completed | Canceled) => Ok(StateChange::Becomes(wanted)),
            (Scheduled, _) => Err(WorkitemRefusal::NotClaimed),
            (InProgress, _) => Err(WorkitemRefusal::AlreadyInProgress),
            (Completed, Completed) | (Canceled, Canceled) => Ok(StateChange::Already(wanted)),
            (Completed | Canceled, _) => Err(WorkitemRefusal::Final(self.state)),
        }
    }

    /// Whether `given` may change the attributes: anybody while it is scheduled, then only its performer
    /// (PS3.4 §CC.2.6.3).
    ///
    /// # Errors
    /// Why not.
    pub fn update(self, given: Option<&Uid>) -> Result<(), WorkitemRefusal> {
        match (self.state, given) {
            (WorkitemState::Completed | WorkitemState::Canceled, _) => Err(WorkitemRefusal::Final(self.state)),
            (WorkitemState::Scheduled, None) => Ok(()),
            (WorkitemState::Scheduled, Some(_)) => Err(WorkitemRefusal::NotClaimed),
            (WorkitemState::InProgress, None) => Err(WorkitemRefusal::TransactionUidMissing),
            (WorkitemState::InProgress, given) if given == self.transaction_uid => Ok(()),
            (WorkitemState::InProgress, Some(_)) => Err(WorkitemRefusal::TransactionUidIncorrect),
        }
    }

    /// What follows when somebody who does not hold it asks that it be canceled (PS3.4 §CC.2.2.3). `is_watched` says
    /// whether its performer may hear of it.
    ///
    /// # Errors
    /// Why nothing follows.
    pub fn request_cancel(self, is_watched: bool) -> Result<CancelAnswer, WorkitemRefusal> {
        match self.state {
            WorkitemState::Scheduled => Ok(CancelAnswer::Canceled),
            WorkitemState::InProgress if is_watched => Ok(CancelAnswer::PerformerIsAsked),
            WorkitemState::InProgress => Err(WorkitemRefusal::PerformerUnreachable),
            WorkitemState::Completed => Err(WorkitemRefusal::AlreadyCompleted),
            WorkitemState::Canceled => Ok(CancelAnswer::Already),
        }
    }
}

/// What whoever creates a workitem must say of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtCreation {
    /// It has a value.
    Value,
    /// It is there, perhaps without a value.
    Present,
    /// It has no value.
    Empty,
    /// It is `SCHEDULED`.
    Scheduled,
}

/// What an update may say of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtUpdate {
    /// It has a value.
    Value,
    /// Nothing.
    No,
}

/// What must be there of an attribute at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtEnd {
    /// A value.
    Always,
    /// A value, if it is completed.
    Completed,
    /// The attribute, if it is completed.
    CompletedPresent,
    /// A value, if it is canceled.
    Canceled,
}

/// An attribute of a workitem that means something to the worklist.
#[derive(Debug, PartialEq, Eq)]
pub struct WorkitemAttribute {
    /// Keywords from the outermost sequence inwards, divided by dots.
    pub path: String,
    /// The same as tags: group in the upper sixteen bits, element in the lower.
    pub tags: Vec<u32>,
    /// Its value representation.
    pub vr: String,
    /// What must be said of it at creation.
    pub create: Option<AtCreation>,
    /// What may be said of it in an update.
    pub update: Option<AtUpdate>,
    /// What must be there at the end.
    pub at_end: Option<AtEnd>,
    /// Whether a search can match it.
    pub is_matched: bool,
    /// The only values that it may have; none for any.
    pub values: Vec<String>,
}

impl WorkitemAttribute {
    /// All of them, by their tags.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &ATTRIBUTES
    }

    /// The attribute of this path, each part of it a keyword or eight hexadecimal digits (PS3.18 §8.3.4.1).
    #[must_use]
    pub fn find(path: &str) -> Option<&'static Self> {
        ATTRIBUTES.iter().find(|one| {
            let mut own = one.path.split('.').zip(&one.tags);
            let parts = path.split('.').count();
            parts == one.tags.len()
                && path.split('.').all(|part| {
                    own.next().is_some_and(|(keyword, tag)| part == keyword || parse_tag(part) == Some(*tag))
                })
        })
    }

    /// Its tags as eight hexadecimal digits each, divided by dots: under this name the store keeps its values.
    #[must_use]
    pub fn key(&self) -> String {
        self.tags.iter().map(|tag| format!("{tag:08X}")).collect::<Vec<_>>().join(".")
    }
}

/// A search for workitems.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkitemQuery {
    /// All must match.
    pub keys: Vec<(&'static WorkitemAttribute, Matching)>,
    /// How many at most.
    pub limit: i64,
    /// How many to pass over.
    pub offset: i64,
}

impl WorkitemQuery {
    /// Adds the condition that a value as sent stands for; none if it matches everything.
    ///
    /// # Errors
    /// [`QueryError`] when nothing is searched by this attribute, or the value does not fit it.
    pub fn push(&mut self, attribute: &'static WorkitemAttribute, value: &str, fuzzy: bool) -> Result<(), QueryError> {
        if !attribute.is_matched {
            return Err(QueryError::Unknown(attribute.path.clone()));
        }
        let matching = Matching::of(&attribute.path, &attribute.vr, value, fuzzy)?;
        self.keys.extend(matching.map(|matching| (attribute, matching)));
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    tag: String,
    vr: String,
    create: Option<AtCreation>,
    update: Option<AtUpdate>,
    #[serde(rename = "final")]
    at_end: Option<AtEnd>,
    #[serde(default, rename = "match")]
    is_matched: bool,
    #[serde(default)]
    values: Vec<String>,
}

static ATTRIBUTES: LazyLock<Vec<WorkitemAttribute>> = LazyLock::new(|| {
    // A table of the program itself: a test reads all of it.
    let rows: BTreeMap<String, Row> = toml::from_str(include_str!("../data/workitems.toml")).unwrap_or_default();
    let attribute = |(path, row): (String, Row)| WorkitemAttribute {
        tags: row.tag.split('.').filter_map(parse_tag).collect(),
        path,
        vr: row.vr,
        create: row.create,
        update: row.update,
        at_end: row.at_end,
        is_matched: row.is_matched,
        values: row.values,
    };
    let mut attributes: Vec<_> = rows.into_iter().map(attribute).collect();
    attributes.sort_by(|one, other| one.tags.cmp(&other.tags));
    attributes
});

fn parse_tag(text: &str) -> Option<u32> {
    (text.len() == 8).then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use WorkitemState::{Canceled, Completed, InProgress, Scheduled};

    fn uid(number: u128) -> Uid {
        Uid::from_u128(number)
    }

    #[test]
    fn the_table_is_read_whole() {
        assert_eq!(WorkitemAttribute::all().len(), include_str!("../data/workitems.toml").matches("tag = ").count());
        assert!(WorkitemAttribute::all().iter().all(|one| one.tags.len() == one.path.split('.').count()));
    }

    #[test]
    fn attributes_are_found_by_keywords_and_tags() {
        let station = WorkitemAttribute::find("ScheduledStationNameCodeSequence.CodeValue").expect("known");
        assert_eq!(WorkitemAttribute::find("00404025.00080100"), Some(station));
        assert_eq!(WorkitemAttribute::find("00404025.CodeValue"), Some(station));
        assert_eq!(station.key(), "00404025.00080100");
        assert_eq!(WorkitemAttribute::find("CodeValue"), None);
        assert_eq!(WorkitemAttribute::find("ScheduledStationNameCodeSequence.CodeMeaning"), None);
    }

    /// Table CC.1.1-2 of PS3.4, the rows of N-ACTION.
    #[test]
    fn states_change_as_the_standard_says() {
        let (mine, other) = (uid(1), uid(2));
        let check = |state, wanted, given: Option<&Uid>, expected| {
            let owner = (state != Scheduled).then_some(&mine);
            assert_eq!(Held { state, transaction_uid: owner }.change_state(wanted, given), expected, "{state:?}");
        };
        for state in WorkitemState::ALL {
            check(state, Scheduled, Some(&mine), Err(WorkitemRefusal::NeverScheduledAgain));
            for wanted in [InProgress, Completed, Canceled] {
                check(state, wanted, None, Err(WorkitemRefusal::TransactionUidMissing));
                if state != Scheduled {
                    check(state, wanted, Some(&other), Err(WorkitemRefusal::TransactionUidIncorrect));
                }
            }
        }
        check(Scheduled, InProgress, Some(&mine), Ok(StateChange::Becomes(InProgress)));
        check(Scheduled, Completed, Some(&mine), Err(WorkitemRefusal::NotClaimed));
        check(InProgress, InProgress, Some(&mine), Err(WorkitemRefusal::AlreadyInProgress));
        check(InProgress, Completed, Some(&mine), Ok(StateChange::Becomes(Completed)));
        check(InProgress, Canceled, Some(&mine), Ok(StateChange::Becomes(Canceled)));
        check(Completed, Completed, Some(&mine), Ok(StateChange::Already(Completed)));
        check(Completed, Canceled, Some(&mine), Err(WorkitemRefusal::Final(Completed)));
        check(Canceled, Canceled, Some(&mine), Ok(StateChange::Already(Canceled)));
        check(Canceled, InProgress, Some(&mine), Err(WorkitemRefusal::Final(Canceled)));
    }

    proptest::proptest! {
        /// Whatever is asked by whomever in whatever order: claimed work changes only by the UID that claimed it, and what
        /// has ended stays as it is.
        #[test]
        fn nobody_takes_claimed_work_away(asked in proptest::collection::vec((0_usize..4, 0_u128..3), 0..40)) {
            let (mut state, mut owner): (WorkitemState, Option<Uid>) = (Scheduled, None);
            for (wanted, given) in asked {
                let given = uid(given);
                let held = Held { state, transaction_uid: owner.as_ref() };
                let updated = held.update(Some(&given));
                proptest::prop_assert_eq!(updated.is_ok(), state == InProgress && owner.as_ref() == Some(&given));
                let changed = held.change_state(WorkitemState::ALL[wanted], Some(&given));
                let Ok(StateChange::Becomes(next)) = changed else { continue };
                proptest::prop_assert!(!state.is_final() && next != Scheduled);
                proptest::prop_assert!(owner.is_none() || owner.as_ref() == Some(&given));
                (state, owner) = (next, Some(given));
            }
        }
    }

    #[test]
    fn only_its_performer_updates_what_is_claimed() {
        let (mine, other) = (uid(1), uid(2));
        let check = |state, owner, given: Option<&Uid>, expected| {
            assert_eq!(Held { state, transaction_uid: owner }.update(given), expected, "{state:?}");
        };
        check(Scheduled, None, None, Ok(()));
        check(Scheduled, None, Some(&mine), Err(WorkitemRefusal::NotClaimed));
        check(InProgress, Some(&mine), Some(&mine), Ok(()));
        check(InProgress, Some(&mine), Some(&other), Err(WorkitemRefusal::TransactionUidIncorrect));
        check(InProgress, Some(&mine), None, Err(WorkitemRefusal::TransactionUidMissing));
        check(Completed, Some(&mine), Some(&mine), Err(WorkitemRefusal::Final(Completed)));
        // Canceled before anybody claimed it.
        check(Canceled, None, None, Err(WorkitemRefusal::Final(Canceled)));
    }

    #[test]
    fn who_asks_to_cancel_is_answered_by_the_state() {
        let ask = |state, is_watched| Held { state, transaction_uid: None }.request_cancel(is_watched);
        assert_eq!(ask(Scheduled, false), Ok(CancelAnswer::Canceled));
        assert_eq!(ask(InProgress, true), Ok(CancelAnswer::PerformerIsAsked));
        assert_eq!(ask(InProgress, false), Err(WorkitemRefusal::PerformerUnreachable));
        assert_eq!(ask(Completed, true), Err(WorkitemRefusal::AlreadyCompleted));
        assert_eq!(ask(Canceled, true), Ok(CancelAnswer::Already));
    }

    #[test]
    fn dates_with_times_are_matched_as_exactly_as_they_are_given() {
        let mut query = WorkitemQuery { keys: Vec::new(), limit: 1, offset: 0 };
        let start = WorkitemAttribute::find("ScheduledProcedureStepStartDateTime").expect("known");
        query.push(start, "20260102-2026010312", false).expect("fits");
        assert_eq!(query.keys[0].1, Matching::Range("20260102".into(), "20260103129999.999999".into()));
        assert!(query.push(start, "tomorrow", false).is_err());
        let comments = WorkitemAttribute::find("CommentsOnTheScheduledProcedureStep").expect("known");
        assert!(query.push(comments, "x", false).is_err(), "nothing is searched by it");
    }
}
