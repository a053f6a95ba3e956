//! What C-MOVE and C-GET share: which instances are meant, what became of each, and the responses that say so
//! (PS3.4 §C.4.2, §C.4.3).

use crate::association::Association;
use crate::command::{CommandSet, element};
use crate::connection::ConnectionError;
use crate::contexts::Context;
use crate::identifier::{IDENTIFIER_DOES_NOT_MATCH, Identifier, UNABLE_TO_PROCESS};
use crate::services::level_name;
use crate::store_scp::Reply;
use lightbox_dicom::DataSet;
use lightbox_dicom::data_set::tag;
use lightbox_domain::{Attribute, Level, Matching, Query, Viewer, visible};
use lightbox_store::{Store, StoreError, StoredInstance, now_ms};
use std::collections::{BTreeSet, HashSet};

const SUCCESS: u16 = 0x0000;
const CANCELLED: u16 = 0xFE00;
const PENDING: u16 = 0xFF00;
/// Sub-operations are complete, one or more failed.
const SOME_FAILED: u16 = 0xB000;
/// Out of resources: the number of matches cannot be calculated.
const TOO_MANY: u16 = 0xA701;
/// Out of resources: no sub-operation could be performed.
const ALL_FAILED: u16 = 0xA702;

/// What became of the sub-operations so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub remaining: usize,
    pub completed: usize,
    pub warned: usize,
    pub failed: Vec<String>,
}

impl Progress {
    pub(crate) fn of(instances: usize) -> Self {
        Self { remaining: instances, ..Self::default() }
    }

    /// Notes how an instance ended: by a status that is success or a warning, or not at all.
    pub(crate) fn note<E>(&mut self, sop_instance_uid: &str, ended: &Result<u16, E>) {
        self.remaining = self.remaining.saturating_sub(1);
        match ended {
            Ok(SUCCESS) => self.completed += 1,
            Ok(_) => self.warned += 1,
            Err(_) => self.failed.push(sop_instance_uid.to_owned()),
        }
    }

    /// Tells how far it is (PS3.7 §9.1.4.1).
    pub(crate) async fn tell(
        &self,
        association: &mut Association,
        context: &Context,
        command: &CommandSet,
    ) -> Result<(), ConnectionError> {
        let response = self.counted(command.response(PENDING, ""), true);
        association.connection.write_message(context.id, &response, None).await
    }

    /// The last response, with the instances that failed.
    pub(crate) async fn finish(
        &self,
        association: &mut Association,
        context: &Context,
        command: &CommandSet,
        cancelled: bool,
    ) -> Result<(), ConnectionError> {
        let peer = &association.caller.title;
        let (sent, warned, failed) = (self.completed, self.warned, self.failed.len());
        tracing::info!(%peer, sent, warned, failed, cancelled, "ended a retrieval");
        let response = self.counted(command.response(self.status(cancelled), ""), cancelled);
        if self.failed.is_empty() {
            return association.connection.write_message(context.id, &response, None).await;
        }
        let failed = DataSet::default().with(tag::FAILED_SOP_INSTANCE_UID_LIST, self.failed.join("\\"));
        let bytes = failed.write(&context.transfer_syntax_uid, "");
        association.connection.write_message(context.id, &response.with_data_set(), Some(&bytes)).await
    }

    fn status(&self, cancelled: bool) -> u16 {
        if cancelled {
            CANCELLED
        } else if self.failed.is_empty() && self.warned == 0 {
            SUCCESS
        } else if self.completed + self.warned == 0 {
            ALL_FAILED
        } else {
            SOME_FAILED
        }
    }

    /// The counts; those that remain only where some may (PS3.7 §9.1.4.1.7).
    fn counted(&self, response: CommandSet, with_remaining: bool) -> CommandSet {
        let count = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        let response = response
            .with_number(element::COMPLETED_SUB_OPERATIONS, count(self.completed))
            .with_number(element::FAILED_SUB_OPERATIONS, count(self.failed.len()))
            .with_number(element::WARNING_SUB_OPERATIONS, count(self.warned));
        match with_remaining {
            true => response.with_number(element::REMAINING_SUB_OPERATIONS, count(self.remaining)),
            false => response,
        }
    }
}

/// The instances that a request means and its peer may have.
pub(crate) async fn instances(
    association: &Association,
    identifier: &Identifier,
) -> Result<Vec<StoredInstance>, Reply> {
    let instances_max = association.server.config.limits.retrieved_instances_max;
    let store = &association.server.store;
    let (query, wanted) = wanted(identifier, i64::try_from(instances_max).unwrap_or(i64::MAX))?;
    let found = find(store, &query, &wanted, instances_max).await.map_err(|error| {
        tracing::error!(peer = %association.caller.title, %error, "cannot look up what to retrieve");
        Reply::new(TOO_MANY, "the index cannot be read now: ask again later")
    })?;
    found.ok_or_else(|| Reply::new(TOO_MANY, format!("more than {instances_max} instances: ask for less")))
}

/// Which of a study's instances are wanted; all when nothing is named.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    series: HashSet<String>,
    instances: HashSet<String>,
}

/// The unique keys of the level and of those above it, as a search for studies, series or instances. Keys of wider
/// levels may be left out (relational retrieval, PS3.4 §C.4.2.2.2).
fn wanted(identifier: &Identifier, limit: i64) -> Result<(Query, Wanted), Reply> {
    const UNIQUE_KEYS: [(&str, Level); 5] = [
        ("PatientID", Level::Patient),
        ("IssuerOfPatientID", Level::Patient),
        ("StudyInstanceUID", Level::Study),
        ("SeriesInstanceUID", Level::Series),
        ("SOPInstanceUID", Level::Instance),
    ];
    let own = match identifier.level {
        Level::Patient => "PatientID",
        Level::Study => "StudyInstanceUID",
        Level::Series => "SeriesInstanceUID",
        Level::Instance => "SOPInstanceUID",
    };
    let mut query = Query::new(identifier.level.max(Level::Study), limit);
    let mut wanted = Wanted::default();
    for (keyword, level) in UNIQUE_KEYS {
        let Some(attribute) = Attribute::find(keyword).filter(|_| level <= identifier.level) else { continue };
        let value = identifier.keys.text(attribute.tag);
        if value.is_empty() && keyword == own {
            let level = level_name(identifier.level);
            return Err(Reply::new(IDENTIFIER_DOES_NOT_MATCH, format!("{keyword} is needed at level {level}")));
        }
        if attribute.vr == "UI" {
            let malformed = |_| Reply::new(UNABLE_TO_PROCESS, format!("{keyword} is no list of UIDs"));
            query.push(attribute, value, false).map_err(malformed)?;
        } else if !value.is_empty() {
            // Unique keys match as they are: an asterisk is one.
            query = query.with(attribute, Matching::OneOf(vec![value.to_owned()]));
        }
        let list = || value.split('\\').filter(|uid| !uid.is_empty()).map(|uid| uid.trim().to_owned()).collect();
        match keyword {
            "SeriesInstanceUID" => wanted.series = list(),
            "SOPInstanceUID" => wanted.instances = list(),
            _ => {}
        }
    }
    Ok((query, wanted))
}

/// The indexed instances of what is found, as far as they are wanted and may leave; `None` when there are too many.
async fn find(
    store: &Store,
    query: &Query,
    wanted: &Wanted,
    instances_max: usize,
) -> Result<Option<Vec<StoredInstance>>, StoreError> {
    let found = store.search(query).await?;
    let studies: BTreeSet<&str> = found.iter().map(|one| one.text("StudyInstanceUID")).collect();
    let is_wanted = |names: &HashSet<String>, uid: &str| names.is_empty() || names.contains(uid);
    let mut instances = Vec::new();
    for study in studies {
        let mut of_study = instances_to_leave(store, study).await?;
        of_study.retain(|instance| {
            is_wanted(&wanted.series, instance.series_instance_uid.as_str())
                && is_wanted(&wanted.instances, instance.sop_instance_uid.as_str())
        });
        instances.append(&mut of_study);
        if instances.len() > instances_max {
            return Ok(None);
        }
    }
    Ok(Some(instances))
}

/// A study's instances without results that others may not see.
async fn instances_to_leave(store: &Store, study_instance_uid: &str) -> Result<Vec<StoredInstance>, StoreError> {
    let mut instances = store.instances_of_study(study_instance_uid).await?;
    if instances.iter().any(|instance| instance.run_id.is_some()) {
        let runs = store.runs_of_study(study_instance_uid).await?;
        let leaves =
            |run_id: &str| runs.iter().any(|run| run.id == run_id && visible(run.guard(), Viewer::Outside, now_ms()));
        instances.retain(|instance| instance.run_id.as_deref().is_none_or(leaves));
    }
    Ok(instances)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT_ID: u32 = 0x0010_0020;
    const STUDY: u32 = 0x0020_000D;
    const SERIES: u32 = 0x0020_000E;

    fn progress(completed: usize, warned: usize, failed: usize) -> Progress {
        Progress { remaining: 0, completed, warned, failed: vec!["1.2".to_owned(); failed] }
    }

    #[test]
    fn the_last_status_says_what_became_of_the_whole() {
        let statuses = [progress(2, 0, 0), progress(0, 0, 0), progress(1, 1, 0), progress(1, 0, 1), progress(0, 0, 2)];
        let expected = [SUCCESS, SUCCESS, SOME_FAILED, SOME_FAILED, ALL_FAILED];
        assert_eq!(statuses.each_ref().map(|one| one.status(false)), expected);
        assert!(statuses.iter().all(|one| one.status(true) == CANCELLED));
    }

    #[test]
    fn every_instance_is_counted_once() {
        let mut progress = Progress::of(3);
        progress.note("1.1", &Ok::<u16, ()>(0x0000));
        progress.note("1.2", &Ok::<u16, ()>(0xB000));
        progress.note("1.3", &Err(()));
        assert_eq!(progress, Progress { remaining: 0, completed: 1, warned: 1, failed: vec!["1.3".to_owned()] });
    }

    #[test]
    fn the_unique_key_of_the_level_is_needed() {
        let keys = DataSet::default().with(PATIENT_ID, "P*").with(SERIES, "1.2\\1.3");
        let (query, named) = wanted(&Identifier { level: Level::Series, keys: keys.clone() }, 10).unwrap();
        assert_eq!(query.level, Level::Series);
        assert_eq!(query.keys[0].matching, Matching::OneOf(vec!["P*".to_owned()]));
        assert_eq!(named.series, HashSet::from(["1.2".to_owned(), "1.3".to_owned()]));

        let refused = wanted(&Identifier { level: Level::Study, keys: keys.clone() }, 10).unwrap_err();
        assert_eq!((refused.status, refused.comment.as_str()), (0xA900, "StudyInstanceUID is needed at level STUDY"));
        let (patient, _) = wanted(&Identifier { level: Level::Patient, keys: keys.clone() }, 10).unwrap();
        assert_eq!((patient.level, patient.keys.len()), (Level::Study, 1));
        let malformed = wanted(&Identifier { level: Level::Study, keys: keys.with(STUDY, "1.2.*") }, 10);
        assert_eq!(malformed.unwrap_err().status, UNABLE_TO_PROCESS);
    }
}
