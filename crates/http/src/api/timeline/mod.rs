//! The way of one study, oldest first, in words that anybody here can read; and having a step of it done again.
//!
//! [`told`] gathers what the caller may see, [`steps`] makes steps of it, [`events`] of what only the log tells, and
//! [`words`] has the names of things.

mod events;
mod steps;
mod told;
mod words;

use super::text::time;
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::seen::find_run;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lightbox_domain::{Action, Uid};
use lightbox_identity::Resource;
use lightbox_pipeline::Replay;
use serde::{Deserialize, Serialize};
use told::Told;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::default().routes(routes!(get_timeline)).routes(routes!(replay_step))
}

/// What a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StepKind {
    Received,
    Conflict,
    Routed,
    Decision,
    Run,
    Published,
    Delivered,
    Committed,
    Waiting,
    Deleted,
    Corrected,
    /// How the study stands to the orders.
    Matched,
    /// A person's order.
    Ordered,
    Other,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StepOutcome {
    Ok,
    /// It is not done yet.
    Waiting,
    /// Somebody should look at it.
    Problem,
}

/// A step that can be done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReplayStep {
    /// Ask every app about the study again.
    Route,
    /// Gather the metadata of a series again.
    Describe,
    /// Try a failed run again.
    Run,
    /// Write a finished run's report again, and order its delivery to peers that have none.
    Publish,
    /// Make a map again that could not be made.
    Explain,
    /// Take a result to its peer once more.
    Deliver,
}

/// What to have done again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplayRequest {
    step: ReplayStep,
    /// The series, run or delivery; none for `route`.
    #[serde(default)]
    id: Option<String>,
}

/// One thing that happened, is happening or waits.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
struct Step {
    #[schema(format = DateTime)]
    at: String,
    /// When it ended, if it took a while.
    #[schema(format = DateTime)]
    until: Option<String>,
    kind: StepKind,
    outcome: StepOutcome,
    /// What happened, in one sentence.
    sentence: String,
    /// Why, if there is more to say.
    reason: Option<String>,
    /// Who did it: an account, a peer's AE title, an app, or Lightbox.
    actor: String,
    /// Such as `run`.
    object_kind: String,
    object_id: String,
    /// When it is tried next, if it waits.
    #[schema(format = DateTime)]
    next_at: Option<String>,
    /// What the caller may have done again.
    replay: Option<ReplayRequest>,
}

/// What happened to a study.
#[derive(Serialize, ToSchema)]
struct Timeline {
    study: super::worklist::WorklistItem,
    /// The oldest first.
    steps: Vec<Step>,
    /// Whether older lines of the log are left out.
    truncated: bool,
}

/// What happened to a study
#[utoipa::path(get, path = "/api/v1/studies/{study_instance_uid}/timeline", tag = "studies",
    params(("study_instance_uid" = String, Path, description = "Study Instance UID")),
    responses((status = 200, description = "Its steps, the oldest first", body = Timeline)))]
async fn get_timeline(
    State(state): State<HttpState>,
    caller: Caller,
    Path(study_instance_uid): Path<String>,
) -> Result<Json<Timeline>, Problem> {
    let uid = Uid::parse(&study_instance_uid)?;
    caller.may(Action::StudyRead, &Resource::study(uid.as_str()))?;
    let told = Told::gather(&state, &caller, &uid).await?;
    let mut steps = steps::steps_of(&told);
    steps.sort_by_key(|draft| draft.at_ms);
    let may = |replay: &ReplayRequest| caller.may_any(replay.step.action()).is_ok();
    let steps = steps.into_iter().map(|draft| draft.step(may)).collect();
    let study = super::worklist::WorklistItem::of(&told.study);
    Ok(Json(Timeline { study, steps, truncated: told.truncated }))
}

/// Have a step of a study's way done again
#[utoipa::path(post, path = "/api/v1/studies/{study_instance_uid}/replay", tag = "studies",
    params(("study_instance_uid" = String, Path, description = "Study Instance UID")), request_body = ReplayRequest,
    responses((status = 202, description = "It is ordered")))]
async fn replay_step(
    State(state): State<HttpState>,
    caller: Caller,
    Path(study_instance_uid): Path<String>,
    Body(request): Body<ReplayRequest>,
) -> Result<StatusCode, Problem> {
    let uid = Uid::parse(&study_instance_uid)?;
    caller.may_any(request.step.action())?;
    let stored = state.store.study(uid.as_str()).await?.filter(|study| study.instance_count > 0);
    stored.ok_or_else(|| Problem::not_found("study"))?;
    let step = request.checked()?;
    check_belongs(&state, &caller, &uid, &step).await?;
    lightbox_pipeline::replay(&state.store, &uid, &step, &caller.actor).await?;
    Ok(StatusCode::ACCEPTED)
}

/// A run or delivery must be of this study, and one that the caller may see.
async fn check_belongs(state: &HttpState, caller: &Caller, study: &Uid, step: &Replay) -> Result<(), Problem> {
    let run_id = match step {
        Replay::Route | Replay::Describe { .. } => return Ok(()),
        Replay::Run { run_id } | Replay::Publish { run_id } | Replay::Explain { run_id } => run_id.clone(),
        Replay::Deliver { delivery_id } => {
            let delivery = state.store.delivery(delivery_id).await?;
            delivery.ok_or_else(|| Problem::not_found("delivery"))?.run_id
        }
    };
    let run = find_run(state, caller, &run_id).await?;
    match run.study_instance_uid == *study {
        true => Ok(()),
        false => Err(Problem::not_found("run in this study")),
    }
}

impl ReplayStep {
    /// What the caller must be permitted.
    const fn action(self) -> Action {
        match self {
            Self::Run => Action::RunRetry,
            Self::Route | Self::Describe | Self::Publish | Self::Explain | Self::Deliver => Action::StudyReplay,
        }
    }
}

impl ReplayRequest {
    fn of(step: ReplayStep, id: &str) -> Self {
        Self { step, id: Some(id.to_owned()) }
    }

    fn checked(self) -> Result<Replay, Problem> {
        let id = || self.id.clone().ok_or_else(|| Problem::unfit("name the series, run or delivery as `id`"));
        Ok(match self.step {
            ReplayStep::Route => Replay::Route,
            ReplayStep::Describe => Replay::Describe { series_instance_uid: id()? },
            ReplayStep::Run => Replay::Run { run_id: id()? },
            ReplayStep::Publish => Replay::Publish { run_id: id()? },
            ReplayStep::Explain => Replay::Explain { run_id: id()? },
            ReplayStep::Deliver => Replay::Deliver { delivery_id: id()? },
        })
    }
}

/// A step while it is made: its times are numbers, and what may be done again is not asked yet.
struct Draft {
    at_ms: i64,
    until_ms: Option<i64>,
    next_ms: Option<i64>,
    kind: StepKind,
    outcome: StepOutcome,
    sentence: String,
    reason: String,
    actor: String,
    object: (&'static str, String),
    replay: Option<ReplayRequest>,
}

impl Draft {
    /// A step of Lightbox's own that went well.
    fn new(at_ms: i64, kind: StepKind, sentence: String, object: (&'static str, &str)) -> Self {
        Self {
            at_ms,
            until_ms: None,
            next_ms: None,
            kind,
            outcome: StepOutcome::Ok,
            sentence,
            reason: String::new(),
            actor: "Lightbox".to_owned(),
            object: (object.0, object.1.to_owned()),
            replay: None,
        }
    }

    fn by(mut self, actor: String) -> Self {
        self.actor = actor;
        self
    }

    fn until(mut self, until_ms: Option<i64>) -> Self {
        self.until_ms = until_ms.filter(|until_ms| *until_ms > self.at_ms);
        self
    }

    fn ended(mut self, outcome: StepOutcome, reason: &str) -> Self {
        self.outcome = outcome;
        reason.clone_into(&mut self.reason);
        self
    }

    fn replay(mut self, step: ReplayStep, id: &str) -> Self {
        self.replay = Some(ReplayRequest::of(step, id));
        self
    }

    fn step(self, may: impl Fn(&ReplayRequest) -> bool) -> Step {
        Step {
            at: time(self.at_ms),
            until: self.until_ms.map(time),
            kind: self.kind,
            outcome: self.outcome,
            sentence: self.sentence,
            reason: super::text::given(&self.reason),
            actor: self.actor,
            object_kind: self.object.0.to_owned(),
            object_id: self.object.1,
            next_at: self.next_ms.map(time),
            replay: self.replay.filter(may),
        }
    }
}
