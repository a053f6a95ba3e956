//! Work that systems share (Unified Procedure Step, PS3.4 Annex CC): offering, claiming, reporting, ending. Each change is
//! decided, written and logged in one transaction; what its subscribers are to hear comes back.

use lightbox_dicom::data_set::{Content, Element};
use lightbox_dicom::workitem::{WorkitemFaults, check_changes, check_end, check_new, date_time, searched_values};
use lightbox_dicom::{DataSet, JsonError};
use lightbox_domain::{Actor, CancelAnswer, Event, StateChange, Uid, WorkitemRefusal, WorkitemState};
use lightbox_store::{Store, StoreError, Workitem, Write, now_ms};

/// The class of every workitem (PS3.4 §CC.3.1).
pub const UPS_PUSH: &str = "1.2.840.10008.5.1.4.34.6.1";

/// What `WorklistLabel` is when nobody says.
const WORKLIST_LABEL: &str = "Lightbox";

/// The tags that mean something here.
mod tag {
    pub(super) const SOP_CLASS_UID: u32 = 0x0008_0016;
    pub(super) const SOP_INSTANCE_UID: u32 = 0x0008_0018;
    pub(super) const CODE_VALUE: u32 = 0x0008_0100;
    pub(super) const CODING_SCHEME_DESIGNATOR: u32 = 0x0008_0102;
    pub(super) const CODE_MEANING: u32 = 0x0008_0104;
    pub(super) const TRANSACTION_UID: u32 = 0x0008_1195;
    pub(super) const STUDY_INSTANCE_UID: u32 = 0x0020_000D;
    pub(super) const SCHEDULED_STATION_NAME: u32 = 0x0040_4025;
    pub(super) const SCHEDULED_HUMAN_PERFORMERS: u32 = 0x0040_4034;
    pub(super) const INPUT_INFORMATION: u32 = 0x0040_4021;
    pub(super) const MODIFICATION_DATE_TIME: u32 = 0x0040_4010;
    pub(super) const CANCELLATION_DATE_TIME: u32 = 0x0040_4052;
    pub(super) const INPUT_READINESS_STATE: u32 = 0x0040_4041;
    pub(super) const STATE: u32 = 0x0074_1000;
    pub(super) const PROGRESS: u32 = 0x0074_1002;
    pub(super) const CONTACT_URI: u32 = 0x0074_100A;
    pub(super) const CONTACT_DISPLAY_NAME: u32 = 0x0074_100C;
    pub(super) const DISCONTINUATION_REASON: u32 = 0x0074_100E;
    pub(super) const WORKLIST_LABEL: u32 = 0x0074_1202;
    pub(super) const REQUESTING_AE: u32 = 0x0074_1236;
    pub(super) const REASON_FOR_CANCELLATION: u32 = 0x0074_1238;
}

/// Why a workitem is not created or changed.
#[derive(Debug, thiserror::Error)]
pub enum WorkitemError {
    /// The data set is not as it must be.
    #[error(transparent)]
    Faults(#[from] WorkitemFaults),
    /// The data set is of something else.
    #[error("{0}")]
    Other(&'static str),
    /// Not in this state, or not by this caller.
    #[error(transparent)]
    Refused(#[from] WorkitemRefusal),
    /// It cannot end without what its end needs (C304).
    #[error("the workitem cannot become {} yet: {faults}", .state.as_str())]
    NotAtItsEnd {
        /// The end.
        state: WorkitemState,
        /// What is missing.
        faults: WorkitemFaults,
    },
    /// The disk or the database refused, there is no such workitem, or there is one already.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What subscribers hear (PS3.4 Table CC.2.4-1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkitemReport {
    /// The workitem.
    pub sop_instance_uid: Uid,
    /// `EventTypeID`: 1 state, 2 cancel requested, 3 progress, 5 assigned.
    pub event_type: u16,
    /// What goes with it.
    pub information: DataSet,
    /// Who hears it, by AE title.
    pub subscribers: Vec<String>,
}

/// Creates a workitem under `sop_instance_uid`.
///
/// # Errors
/// [`WorkitemError::Faults`] for a data set that is not as PS3.4 Table CC.2.5-3 wants it, [`StoreError::Exists`].
pub async fn create(
    store: &Store,
    sop_instance_uid: &Uid,
    mut data_set: DataSet,
    actor: &Actor,
) -> Result<Vec<WorkitemReport>, WorkitemError> {
    if !matches!(data_set.text(tag::SOP_CLASS_UID), "" | UPS_PUSH) {
        return Err(WorkitemError::Other("SOPClassUID must be that of UPS Push"));
    }
    check_new(&data_set)?;
    let now = now_ms();
    data_set.remove(tag::TRANSACTION_UID);
    if data_set.text(tag::WORKLIST_LABEL).is_empty() {
        data_set = data_set.with(tag::WORKLIST_LABEL, WORKLIST_LABEL);
    }
    let data_set = data_set
        .with(tag::SOP_CLASS_UID, UPS_PUSH)
        .with(tag::SOP_INSTANCE_UID, sop_instance_uid.as_str())
        .with(tag::MODIFICATION_DATE_TIME, date_time(now));
    let item = Workitem {
        sop_instance_uid: sop_instance_uid.clone(),
        state: WorkitemState::Scheduled,
        transaction_uid: None,
        study_instance_uid: study_of(&data_set),
        data_set: data_set.to_json().to_string(),
        created_by: actor.name.clone(),
        created_ms: now,
        updated_ms: now,
    };
    let mut write = store.write().await?;
    write.insert_workitem(&item, &searched_values(&data_set)).await?;
    write.append_event(event(&item, "workitem.created", actor)).await?;
    let reports = reports(&mut write, &item, [state_report(&data_set)]).await?;
    write.commit().await?;
    Ok(reports)
}

/// Changes attributes of a workitem; sequences are replaced as a whole.
///
/// # Errors
/// [`WorkitemError::Refused`] unless it is scheduled, or `transaction_uid` is that of its performer;
/// [`WorkitemError::Faults`] for changes that nobody may make.
pub async fn update(
    store: &Store,
    sop_instance_uid: &Uid,
    transaction_uid: Option<&Uid>,
    changes: DataSet,
    actor: &Actor,
) -> Result<Vec<WorkitemReport>, WorkitemError> {
    let mut write = store.write().await?;
    let mut item = write.workitem(sop_instance_uid).await?;
    item.held().update(transaction_uid)?;
    check_changes(&changes)?;
    let mut data_set = read(&item)?;
    let before = data_set.text(tag::INPUT_READINESS_STATE).to_owned();
    for (tag, element) in changes.elements() {
        data_set.put(tag, element.clone());
    }
    save(&mut write, &mut item, &mut data_set).await?;
    write.append_event(event(&item, "workitem.updated", actor)).await?;

    let state = (before != data_set.text(tag::INPUT_READINESS_STATE)).then(|| state_report(&data_set));
    let progress = chosen(&changes, &[tag::PROGRESS]).map(|information| (3, information));
    let assigned = chosen(&changes, &[tag::SCHEDULED_STATION_NAME, tag::SCHEDULED_HUMAN_PERFORMERS]);
    let assigned = assigned.map(|information| (5, information));
    let reports = reports(&mut write, &item, [state, progress, assigned].into_iter().flatten()).await?;
    write.commit().await?;
    Ok(reports)
}

/// Claims, completes or cancels a workitem.
///
/// # Errors
/// [`WorkitemError::Refused`] by PS3.4 Table CC.1.1-2, [`WorkitemError::NotAtItsEnd`] before all is said that its end
/// needs.
pub async fn change_state(
    store: &Store,
    sop_instance_uid: &Uid,
    transaction_uid: Option<&Uid>,
    wanted: WorkitemState,
    actor: &Actor,
) -> Result<(StateChange, Vec<WorkitemReport>), WorkitemError> {
    let mut write = store.write().await?;
    let mut item = write.workitem(sop_instance_uid).await?;
    let change = item.held().change_state(wanted, transaction_uid)?;
    let StateChange::Becomes(state) = change else { return Ok((change, Vec::new())) };
    let mut data_set = read(&item)?;
    if state.is_final() {
        check_end(&data_set, state).map_err(|faults| WorkitemError::NotAtItsEnd { state, faults })?;
    }
    item.transaction_uid = transaction_uid.cloned();
    let reports = enter(&mut write, &mut item, &mut data_set, state, actor).await?;
    write.commit().await?;
    Ok((change, reports))
}

/// Asks that a workitem be canceled, by someone who does not hold it. `request` may say why and whom to ask.
///
/// # Errors
/// [`WorkitemError::Refused`] when it is completed, or its performer hears of nothing.
pub async fn request_cancel(
    store: &Store,
    sop_instance_uid: &Uid,
    request: &DataSet,
    actor: &Actor,
) -> Result<(CancelAnswer, Vec<WorkitemReport>), WorkitemError> {
    let mut write = store.write().await?;
    let mut item = write.workitem(sop_instance_uid).await?;
    let is_watched = !write.workitem_subscribers(sop_instance_uid).await?.is_empty();
    let answer = item.held().request_cancel(is_watched)?;
    let reports = match answer {
        CancelAnswer::Already => return Ok((answer, Vec::new())),
        CancelAnswer::Canceled => {
            let mut data_set = read(&item)?;
            data_set = data_set.with_items(tag::PROGRESS, vec![cancellation(request)]);
            enter(&mut write, &mut item, &mut data_set, WorkitemState::Canceled, actor).await?
        }
        CancelAnswer::PerformerIsAsked => {
            write.append_event(event(&item, "workitem.cancel_requested", actor)).await?;
            let said = [tag::REASON_FOR_CANCELLATION, tag::DISCONTINUATION_REASON];
            let contact = [tag::CONTACT_URI, tag::CONTACT_DISPLAY_NAME];
            let information = chosen(request, &[said, contact].concat()).unwrap_or_default();
            let information = information.with(tag::REQUESTING_AE, ae_title(&actor.name));
            reports(&mut write, &item, [(2, information)]).await?
        }
    };
    write.commit().await?;
    Ok((answer, reports))
}

/// What a new subscriber hears first: how a workitem stands (PS3.4 §CC.2.3.3).
///
/// # Errors
/// When the row cannot be read.
pub fn first_report(item: &Workitem, ae_title: &str) -> Result<WorkitemReport, StoreError> {
    let (event_type, information) = state_report(&read(item)?);
    let subscribers = vec![ae_title.to_owned()];
    Ok(WorkitemReport { sop_instance_uid: item.sop_instance_uid.clone(), event_type, information, subscribers })
}

/// Writes the new state, logs it, and gives what subscribers hear.
async fn enter(
    write: &mut Write,
    item: &mut Workitem,
    data_set: &mut DataSet,
    state: WorkitemState,
    actor: &Actor,
) -> Result<Vec<WorkitemReport>, WorkitemError> {
    item.state = state;
    *data_set = std::mem::take(data_set).with(tag::STATE, state.as_str());
    save(write, item, data_set).await?;
    write.append_event(event(item, "workitem.state_changed", actor).outcome(state.as_str())).await?;
    reports(write, item, [state_report(data_set)]).await
}

async fn save(write: &mut Write, item: &mut Workitem, data_set: &mut DataSet) -> Result<(), StoreError> {
    item.updated_ms = now_ms();
    *data_set = std::mem::take(data_set).with(tag::MODIFICATION_DATE_TIME, date_time(item.updated_ms));
    item.data_set = data_set.to_json().to_string();
    item.study_instance_uid = study_of(data_set);
    write.update_workitem(item, &searched_values(data_set)).await
}

/// The study that a workitem is about: as it says, or as its first input does.
fn study_of(data_set: &DataSet) -> Option<Uid> {
    let input = data_set.items(tag::INPUT_INFORMATION).first();
    let uids = [Some(data_set), input].into_iter().flatten().map(|one| one.text(tag::STUDY_INSTANCE_UID));
    uids.filter_map(|uid| Uid::parse(uid).ok()).next()
}

fn read(item: &Workitem) -> Result<DataSet, StoreError> {
    let unreadable = |why: String| StoreError::Row { kind: "workitem", id: item.sop_instance_uid.to_string(), why };
    let json = serde_json::from_str(&item.data_set).map_err(|error| unreadable(error.to_string()))?;
    DataSet::from_json(&json).map_err(|error: JsonError| unreadable(error.to_string()))
}

async fn reports(
    write: &mut Write,
    item: &Workitem,
    told: impl IntoIterator<Item = (u16, DataSet)>,
) -> Result<Vec<WorkitemReport>, WorkitemError> {
    let subscribers = write.workitem_subscribers(&item.sop_instance_uid).await?;
    let report = |(event_type, information)| WorkitemReport {
        sop_instance_uid: item.sop_instance_uid.clone(),
        event_type,
        information,
        subscribers: subscribers.clone(),
    };
    Ok(told.into_iter().filter(|_| !subscribers.is_empty()).map(report).collect())
}

fn state_report(data_set: &DataSet) -> (u16, DataSet) {
    (1, chosen(data_set, &[tag::STATE, tag::INPUT_READINESS_STATE]).unwrap_or_default())
}

/// These elements, if there is one of them.
fn chosen(data_set: &DataSet, tags: &[u32]) -> Option<DataSet> {
    let mut chosen = DataSet::default();
    for (tag, element) in tags.iter().filter_map(|tag| Some((*tag, data_set.get(*tag)?))) {
        chosen.put(tag, element.clone());
    }
    (!chosen.is_empty()).then_some(chosen)
}

/// The progress of what was canceled before anybody claimed it.
fn cancellation(request: &DataSet) -> DataSet {
    let said = [tag::REASON_FOR_CANCELLATION, tag::DISCONTINUATION_REASON];
    let progress = chosen(request, &said).unwrap_or_default().with(tag::CANCELLATION_DATE_TIME, date_time(now_ms()));
    let has_reason = |element: &Element| matches!(&element.content, Content::Items(items) if !items.is_empty());
    if progress.get(tag::DISCONTINUATION_REASON).is_some_and(has_reason) {
        return progress;
    }
    // PS3.16 CID 9300.
    let unspecified = DataSet::default()
        .with(tag::CODE_VALUE, "110513")
        .with(tag::CODING_SCHEME_DESIGNATOR, "DCM")
        .with(tag::CODE_MEANING, "Discontinued for unspecified reason");
    progress.with_items(tag::DISCONTINUATION_REASON, vec![unspecified])
}

fn event(item: &Workitem, action: &'static str, actor: &Actor) -> Event {
    let event = Event::new(&actor.name, action, "workitem", item.sop_instance_uid.as_str());
    match &item.study_instance_uid {
        Some(study) => event.study(study.as_str()),
        None => event,
    }
}

/// A name of ours, such as `token:reader`, as an AE title has room for it.
fn ae_title(name: &str) -> String {
    let name = name.rsplit(':').next().unwrap_or_default();
    let title: String = name.chars().filter(|one| (' '..='~').contains(one) && *one != '\\').take(16).collect();
    title.trim().to_owned()
}
