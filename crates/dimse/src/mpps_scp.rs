//! Modality performed procedure steps as SCP (PS3.4 §F.7): what a modality does, and the list of all that it made, which
//! is the best evidence that a series is complete.

use crate::association::Association;
use crate::command::{CommandSet, element};
use crate::connection::ConnectionError;
use crate::contexts::Context;
use crate::store_scp::Reply;
use lightbox_dicom::DataSet;
use lightbox_dicom::data_set::tag;
use lightbox_domain::{Event, Job, Uid};
use lightbox_store::{ListedSeries, ProcedureStep, StoreError, now_ms};

/// The longest data set of a step, in bytes.
const STEP_BYTES_MAX: usize = 32 << 20;

const SUCCESS: u16 = 0x0000;
const INVALID_ATTRIBUTE_VALUE: u16 = 0x0106;
const PROCESSING_FAILURE: u16 = 0x0110;
const DUPLICATE_INSTANCE: u16 = 0x0111;
const NO_SUCH_INSTANCE: u16 = 0x0112;
const INVALID_INSTANCE: u16 = 0x0117;

const MODALITY: u32 = 0x0008_0060;
const STUDY_INSTANCE_UID: u32 = 0x0020_000D;
const SERIES_INSTANCE_UID: u32 = 0x0020_000E;
const REFERENCED_IMAGE_SEQUENCE: u32 = 0x0008_1140;
const REFERENCED_NON_IMAGE_SEQUENCE: u32 = 0x0040_0220;
const STEP_STATUS: u32 = 0x0040_0252;
const STEP_ID: u32 = 0x0040_0253;
const SCHEDULED_STEP_SEQUENCE: u32 = 0x0040_0270;
const PERFORMED_SERIES_SEQUENCE: u32 = 0x0040_0340;

const IN_PROGRESS: &str = "IN PROGRESS";
const ENDED: [&str; 2] = ["COMPLETED", "DISCONTINUED"];

/// Receives an N-CREATE: a step has begun.
pub(crate) async fn create(
    association: &mut Association,
    context: &Context,
    command: &CommandSet,
) -> Result<(), ConnectionError> {
    let reply = match read(association, context).await? {
        Ok(step) => begin(association, command, &step).await.unwrap_or_else(|error| unavailable(&error)),
        Err(reply) => reply,
    };
    association.respond(context, command, &reply).await
}

/// Receives an N-SET: a step goes on or has ended.
pub(crate) async fn set(
    association: &mut Association,
    context: &Context,
    command: &CommandSet,
) -> Result<(), ConnectionError> {
    let reply = match read(association, context).await? {
        Ok(step) => change(association, command, &step).await.unwrap_or_else(|error| unavailable(&error)),
        Err(reply) => reply,
    };
    association.respond(context, command, &reply).await
}

async fn read(association: &mut Association, context: &Context) -> Result<Result<DataSet, Reply>, ConnectionError> {
    let bytes = association.connection.read_data_set(context.id, STEP_BYTES_MAX).await?;
    let step = bytes.and_then(|bytes| DataSet::read(&bytes, &context.transfer_syntax_uid).ok());
    Ok(step.ok_or_else(|| Reply::new(PROCESSING_FAILURE, "no data set, or one that is too long")))
}

async fn begin(association: &Association, command: &CommandSet, step: &DataSet) -> Result<Reply, StoreError> {
    let Ok(uid) = Uid::parse(&command.text(element::AFFECTED_SOP_INSTANCE_UID)) else {
        return Ok(Reply::new(INVALID_INSTANCE, "the modality must name the instance"));
    };
    if step.text(STEP_STATUS) != IN_PROGRESS {
        return Ok(Reply::new(INVALID_ATTRIBUTE_VALUE, "a step begins IN PROGRESS"));
    }
    let scheduled = step.items(SCHEDULED_STEP_SEQUENCE);
    let study = scheduled.iter().map(|item| item.text(STUDY_INSTANCE_UID)).find(|uid| Uid::parse(uid).is_ok());
    let step = ProcedureStep {
        sop_instance_uid: uid.to_string(),
        ae_title: association.caller.title.to_string(),
        study_instance_uid: study.unwrap_or_default().to_owned(),
        state: IN_PROGRESS.to_owned(),
        step_id: step.text(STEP_ID).to_owned(),
        modality: step.text(MODALITY).to_owned(),
        series: listed(step),
        missing: 0,
        updated_ms: now_ms(),
    };
    let mut write = association.server.store.write().await?;
    if !write.insert_procedure_step(&step).await? {
        return Ok(Reply::new(DUPLICATE_INSTANCE, ""));
    }
    write.append_event(event(&step, "procedure_step.began")).await?;
    write.commit().await?;
    Ok(Reply::new(SUCCESS, ""))
}

async fn change(association: &Association, command: &CommandSet, changes: &DataSet) -> Result<Reply, StoreError> {
    let store = &association.server.store;
    let uid = command.text(element::REQUESTED_SOP_INSTANCE_UID);
    let Some(mut step) = store.procedure_step(&uid).await? else { return Ok(Reply::new(NO_SUCH_INSTANCE, "")) };
    match changes.text(STEP_STATUS) {
        "" => {}
        state if state == IN_PROGRESS || ENDED.contains(&state) => step.state = state.to_owned(),
        _ => return Ok(Reply::new(INVALID_ATTRIBUTE_VALUE, "PerformedProcedureStepStatus is none of the three")),
    }
    if !changes.items(PERFORMED_SERIES_SEQUENCE).is_empty() {
        step.series = listed(changes);
    }
    let mut write = store.write().await?;
    if !write.update_procedure_step(&step).await? {
        return Ok(Reply::new(PROCESSING_FAILURE, "the step has ended and may no longer be updated"));
    }
    if ENDED.contains(&step.state.as_str()) {
        write.append_event(event(&step, "procedure_step.ended")).await?;
        write.enqueue(&Job::CheckStep { sop_instance_uid: uid }, now_ms()).await?;
    }
    write.commit().await?;
    Ok(Reply::new(SUCCESS, ""))
}

/// The series of a step with all SOP instances that they list.
fn listed(step: &DataSet) -> Vec<ListedSeries> {
    let uid = |text: &str| Uid::parse(text).ok().map(|uid| uid.to_string());
    let listed = |series: &DataSet| {
        let images = series.items(REFERENCED_IMAGE_SEQUENCE).iter();
        let references = images.chain(series.items(REFERENCED_NON_IMAGE_SEQUENCE));
        ListedSeries {
            series_instance_uid: uid(series.text(SERIES_INSTANCE_UID)).unwrap_or_default(),
            instances: references.filter_map(|item| uid(item.text(tag::REFERENCED_SOP_INSTANCE_UID))).collect(),
            received: 0,
        }
    };
    step.items(PERFORMED_SERIES_SEQUENCE).iter().map(listed).collect()
}

fn event(step: &ProcedureStep, action: &'static str) -> Event {
    let detail = serde_json::json!({ "state": step.state, "instances": step.instances().len() });
    let actor = format!("peer:{}", step.ae_title);
    let event = Event::new(&actor, action, "procedure_step", &step.sop_instance_uid).detail(detail.to_string());
    if step.study_instance_uid.is_empty() { event } else { event.study(&step.study_instance_uid) }
}

fn unavailable(error: &StoreError) -> Reply {
    tracing::error!(%error, "cannot keep a performed procedure step");
    Reply::new(PROCESSING_FAILURE, "the step cannot be kept now: send it again later")
}
