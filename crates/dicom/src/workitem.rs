//! Whether a workitem's data set says what it must (PS3.4 Table CC.2.5-3), and by what it is found.

use crate::data_set::{Content, DataSet, Element};
use lightbox_domain::{AtCreation, AtEnd, AtUpdate, WorkitemAttribute, WorkitemState, fold_name};

/// What a data set lacks or says wrongly: for each attribute its path and what it must be, never its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct WorkitemFaults(pub Vec<String>);

/// Checks what somebody wants to create.
///
/// # Errors
/// Every attribute that is not as it must be.
pub fn check_new(data_set: &DataSet) -> Result<(), WorkitemFaults> {
    check(|attribute| {
        let (presence, scheduled) = (presence(data_set, attribute), WorkitemState::Scheduled.as_str());
        match attribute.create? {
            AtCreation::Value if presence != Presence::Value => Some("must have a value".to_owned()),
            AtCreation::Present if presence == Presence::Absent => Some("must be present, if only empty".to_owned()),
            AtCreation::Empty if presence == Presence::Value => Some("must be empty".to_owned()),
            AtCreation::Scheduled if data_set.text(last(attribute)) != scheduled => {
                Some(format!("must be {scheduled}"))
            }
            _ => None,
        }
        .or_else(|| wrong_value(data_set, attribute))
    })
}

/// Checks what somebody wants to change.
///
/// # Errors
/// Every attribute that may not be changed, or not so.
pub fn check_changes(changes: &DataSet) -> Result<(), WorkitemFaults> {
    check(|attribute| {
        let presence = presence(changes, attribute);
        match attribute.update {
            Some(AtUpdate::No) if presence != Presence::Absent => Some("cannot be changed by an update".to_owned()),
            Some(AtUpdate::Value) if presence == Presence::Empty => Some("must have a value".to_owned()),
            _ => wrong_value(changes, attribute),
        }
    })
}

/// Checks whether a workitem may come to this end.
///
/// # Errors
/// Every attribute that is missing.
pub fn check_end(data_set: &DataSet, state: WorkitemState) -> Result<(), WorkitemFaults> {
    check(|attribute| {
        let presence = presence(data_set, attribute);
        let needs_value = match attribute.at_end? {
            AtEnd::Always => true,
            AtEnd::Completed => state == WorkitemState::Completed,
            AtEnd::Canceled => state == WorkitemState::Canceled,
            AtEnd::CompletedPresent if state == WorkitemState::Completed => {
                return (presence == Presence::Absent).then(|| "must be present".to_owned());
            }
            AtEnd::CompletedPresent => false,
        };
        (needs_value && presence != Presence::Value).then(|| "must have a value".to_owned())
    })
}

/// The values by which a workitem is found: each with the key of its attribute. Names are folded as
/// [`fold_name`] does, and times of day are without their time zone.
#[must_use]
pub fn searched_values(data_set: &DataSet) -> Vec<(String, String)> {
    let matched = WorkitemAttribute::all().iter().filter(|attribute| attribute.is_matched);
    let values = matched.flat_map(|attribute| {
        let texts = elements(data_set, &attribute.tags).into_iter().filter_map(|element| match &element.content {
            Content::Text(text) => Some(text),
            Content::Items(_) => None,
        });
        let values = texts.flat_map(|text| text.split('\\')).map(|value| comparable(&attribute.vr, value));
        values.filter(|value| !value.is_empty()).map(|value| (attribute.key(), value)).collect::<Vec<_>>()
    });
    let mut values: Vec<_> = values.collect();
    values.sort();
    values.dedup();
    values
}

/// A time in milliseconds since 1970 as a value of `DT` in UTC (PS3.5 §6.2).
#[must_use]
pub fn date_time(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime("%Y%m%d%H%M%S.%3f+0000").to_string()
}

/// Whether an attribute is in a data set: of one within a sequence, in any of the items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Presence {
    Absent,
    Empty,
    Value,
}

fn check(fault: impl Fn(&WorkitemAttribute) -> Option<String>) -> Result<(), WorkitemFaults> {
    let said = |attribute: &WorkitemAttribute| Some(format!("{} {}", attribute.path, fault(attribute)?));
    let faults: Vec<String> = WorkitemAttribute::all().iter().filter_map(said).collect();
    if faults.is_empty() { Ok(()) } else { Err(WorkitemFaults(faults)) }
}

fn presence(data_set: &DataSet, attribute: &WorkitemAttribute) -> Presence {
    let found = elements(data_set, &attribute.tags);
    let has_value = |element: &&Element| match &element.content {
        Content::Text(text) => !text.is_empty(),
        Content::Items(items) => !items.is_empty(),
    };
    match found.iter().any(has_value) {
        true => Presence::Value,
        false if found.is_empty() => Presence::Absent,
        false => Presence::Empty,
    }
}

fn wrong_value(data_set: &DataSet, attribute: &WorkitemAttribute) -> Option<String> {
    let text = data_set.text(last(attribute));
    let is_known = text.is_empty() || attribute.values.is_empty() || attribute.values.iter().any(|value| value == text);
    (!is_known).then(|| format!("must be {}", attribute.values.join(" or ")))
}

/// The tag of the attribute itself.
fn last(attribute: &WorkitemAttribute) -> u32 {
    attribute.tags.last().copied().unwrap_or_default()
}

/// All elements of a path.
fn elements<'a>(data_set: &'a DataSet, path: &[u32]) -> Vec<&'a Element> {
    match path {
        [] => Vec::new(),
        [tag] => data_set.get(*tag).into_iter().collect(),
        [sequence, rest @ ..] => data_set.items(*sequence).iter().flat_map(|item| elements(item, rest)).collect(),
    }
}

fn comparable(vr: &str, value: &str) -> String {
    match vr {
        "PN" => fold_name(value),
        "DT" => value.split(['+', '-']).next().unwrap_or_default().trim().to_owned(),
        _ => value.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: u32 = 0x0074_1204;
    const STATE: u32 = 0x0074_1000;
    const PRIORITY: u32 = 0x0074_1200;
    const PERFORMED: u32 = 0x0074_1216;

    /// The least that can be created.
    fn scheduled() -> DataSet {
        let needed = WorkitemAttribute::all().iter().filter_map(|one| Some((one, one.create?)));
        needed.fold(DataSet::default(), |data_set, (attribute, create)| match (create, attribute.vr.as_str()) {
            (AtCreation::Value, _) => {
                data_set.with(last(attribute), attribute.values.first().map_or("20260102", String::as_str))
            }
            (AtCreation::Scheduled, _) => data_set.with(last(attribute), "SCHEDULED"),
            (_, "SQ") => data_set.with_items(last(attribute), Vec::new()),
            _ => data_set.with(last(attribute), ""),
        })
    }

    fn faults(checked: Result<(), WorkitemFaults>) -> Vec<String> {
        checked.map_or_else(|faults| faults.0, |()| Vec::new())
    }

    #[test]
    fn everything_that_is_missing_is_said_at_once() {
        assert_eq!(faults(check_new(&scheduled())), [""; 0]);
        let wrong = scheduled().with(LABEL, "").with(STATE, "COMPLETED").with(PRIORITY, "STAT");
        assert_eq!(
            faults(check_new(&wrong)),
            [
                "ProcedureStepState must be SCHEDULED",
                "ScheduledProcedureStepPriority must be HIGH or MEDIUM or LOW",
                "ProcedureStepLabel must have a value",
            ]
        );
        let missing = faults(check_new(&DataSet::default()));
        assert!(missing.contains(&"PatientName must be present, if only empty".to_owned()), "{missing:?}");
        let done = scheduled().with_items(PERFORMED, vec![DataSet::default()]);
        assert_eq!(faults(check_new(&done)), ["UnifiedProcedureStepPerformedProcedureSequence must be empty"]);
    }

    #[test]
    fn an_update_changes_neither_state_nor_patient() {
        let changes = DataSet::default().with(STATE, "COMPLETED").with(0x0010_0010, "Doe^John").with(LABEL, "");
        assert_eq!(
            faults(check_changes(&changes)),
            [
                "PatientName cannot be changed by an update",
                "ProcedureStepState cannot be changed by an update",
                "ProcedureStepLabel must have a value",
            ]
        );
        assert!(check_changes(&DataSet::default().with(0x0040_4041, "READY")).is_ok());
    }

    #[test]
    fn an_end_needs_what_was_done() {
        let whole = scheduled().with(0x0008_0016, "1.2").with(0x0008_0018, "1.3").with(0x0040_4010, "20260102");
        let incomplete = faults(check_end(&whole, WorkitemState::Completed));
        assert_eq!(incomplete.len(), 5, "{incomplete:?}");
        let code = DataSet::default().with(0x0008_0100, "110005");
        let performed = DataSet::default()
            .with_items(0x0040_4028, Vec::new())
            .with(0x0040_4050, "20260102")
            .with_items(0x0040_4019, vec![code.clone()])
            .with(0x0040_4051, "20260102")
            .with_items(0x0040_4033, Vec::new());
        let done = whole.clone().with_items(PERFORMED, vec![performed]);
        assert_eq!(faults(check_end(&done, WorkitemState::Completed)), [""; 0]);
        assert_eq!(faults(check_end(&done, WorkitemState::Canceled)).len(), 2);
        let reason = DataSet::default().with(0x0040_4052, "20260102").with_items(0x0074_100E, vec![code]);
        let canceled = whole.with_items(0x0074_1002, vec![reason]);
        assert_eq!(faults(check_end(&canceled, WorkitemState::Canceled)), [""; 0]);
    }

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(date_time(1_767_348_930_250), "20260102101530.250+0000");
    }

    #[test]
    fn values_are_found_within_sequences() {
        let station = |code: &str| DataSet::default().with(0x0008_0100, code);
        let data_set = DataSet::default()
            .with(0x0010_0010, "Müller^Jörg")
            .with(0x0040_4005, "20260102101500.5+0100")
            .with_items(0x0040_4025, vec![station("AI1"), station("AI2"), station("AI1")]);
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let expected = [
            pair("00100010", "muller^jorg"),
            pair("00404005", "20260102101500.5"),
            pair("00404025.00080100", "AI1"),
            pair("00404025.00080100", "AI2"),
        ];
        assert_eq!(searched_values(&data_set), expected);
    }
}
