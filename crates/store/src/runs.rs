//! Runs, their results and maps, and the decisions that queued them or not.

use crate::instances::uid_of;
use crate::{Store, StoreError, Write, new_id, now_ms};
use lightbox_domain::{
    Decision, DeploymentMode, Finding, Map, MapState, Outcome, Override, ResultKind, Run, RunState, Uid,
};
use sqlx::Row;
use sqlx::any::AnyRow;

/// A run to be queued.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The deployment.
    pub deployment_id: String,
    /// Its mode now.
    pub mode: DeploymentMode,
    /// The input's study.
    pub study_instance_uid: Uid,
    /// The input's series.
    pub series_instance_uid: Uid,
    /// The input.
    pub sop_instance_uid: Uid,
    /// When the input's last byte had arrived, in milliseconds since 1970.
    pub received_ms: i64,
    /// Set when a person orders the run although the app is not meant for the input.
    pub overridden: Option<Override>,
    /// [`RunState::Queued`], or [`RunState::Rejected`] with its reason.
    pub state: RunState,
    /// Why it is rejected; else empty.
    pub reason: String,
    /// Whether the app makes a map.
    pub has_map: bool,
}

/// A result that is stored as an instance.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredResult {
    /// What it is.
    pub kind: ResultKind,
    /// The instance.
    pub sop_instance_uid: Uid,
    /// Its series.
    pub series_instance_uid: Uid,
    /// When it was stored, in milliseconds since 1970.
    pub stored_ms: i64,
}

/// The columns of [`Run`], as `run_of` reads them; the map itself is read apart.
macro_rules! run_columns {
    () => {
        "id, deployment_id, sop_instance_uid, study_instance_uid, series_instance_uid, mode, state, reason, attempts,
         override_reason, override_by, override_ms, received_ms, queued_ms, started_ms, inferred_ms, finished_ms,
         model_us, findings, map_state, map_ms, superseded_by"
    };
}

const RUN_BY_ID: &str = concat!("SELECT ", run_columns!(), " FROM runs WHERE id = $1");
/// Of what is deleted, nothing is told.
const RUNS_OF_STUDY: &str = concat!(
    "SELECT ",
    run_columns!(),
    " FROM runs WHERE study_instance_uid = $1 AND NOT EXISTS (
          SELECT 1 FROM instances
          WHERE instances.sop_instance_uid = runs.sop_instance_uid AND instances.deletion_id IS NOT NULL)
      ORDER BY queued_ms, id"
);
const DECISIONS_OF_STUDY: &str = "
    SELECT deployment_id, study_instance_uid, series_instance_uid, sop_instance_uid, outcome, reason, decided_ms
    FROM decisions WHERE study_instance_uid = $1 AND NOT EXISTS (
        SELECT 1 FROM instances
        WHERE instances.sop_instance_uid = decisions.sop_instance_uid AND instances.deletion_id IS NOT NULL)
    ORDER BY decided_ms, deployment_id, sop_instance_uid";

impl Store {
    /// The run of this identifier.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn run(&self, run_id: &str) -> Result<Option<Run>, StoreError> {
        let row = sqlx::query(RUN_BY_ID).bind(run_id).fetch_optional(self.readers()).await?;
        row.as_ref().map(run_of).transpose()
    }

    /// All runs on a study, the oldest first. What may be shown of them is for `visible` to say.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn runs_of_study(&self, study_instance_uid: &str) -> Result<Vec<Run>, StoreError> {
        let rows = sqlx::query(RUNS_OF_STUDY).bind(study_instance_uid).fetch_all(self.readers()).await?;
        rows.iter().map(run_of).collect()
    }

    /// The newest runs, at most `limit`.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn newest_runs(&self, limit: i64) -> Result<Vec<Run>, StoreError> {
        let rows = sqlx::query(concat!("SELECT ", run_columns!(), " FROM runs ORDER BY id DESC LIMIT $1"))
            .bind(limit)
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(run_of).collect()
    }

    /// Why deployments ran or did not run on a study's instances.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn decisions_of_study(&self, study_instance_uid: &str) -> Result<Vec<Decision>, StoreError> {
        let rows = sqlx::query(DECISIONS_OF_STUDY).bind(study_instance_uid).fetch_all(self.readers()).await?;
        rows.iter().map(decision_of).collect()
    }

    /// The results of a run.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn results(&self, run_id: &str) -> Result<Vec<StoredResult>, StoreError> {
        let rows = sqlx::query(
            "SELECT kind, sop_instance_uid, series_instance_uid, stored_ms FROM results
             WHERE run_id = $1 ORDER BY stored_ms",
        )
        .bind(run_id)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(result_of).collect()
    }

    /// The map of a run, once it is stored.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn map(&self, run_id: &str) -> Result<Option<Map>, StoreError> {
        let row = sqlx::query("SELECT map FROM runs WHERE id = $1 AND map IS NOT NULL")
            .bind(run_id)
            .fetch_optional(self.readers())
            .await?;
        let read = |row: AnyRow| {
            let text: String = row.try_get("map")?;
            serde_json::from_str(&text).map_err(|error| StoreError::row("map", run_id, error))
        };
        row.map(read).transpose()
    }
}

impl Write {
    /// Queues a run, unless routing has queued one for this deployment and input before. A run that a person ordered, or
    /// the first after another file took the input's place, supersedes those before it. Gives the run's identifier if it is new.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn insert_run(&mut self, new: &NewRun) -> Result<Option<String>, StoreError> {
        let id = new_id();
        let ordinal = match new.overridden {
            Some(_) => self.runs_on_input(new).await?,
            None => self.runs_before_replacement(new).await?,
        };
        let now = now_ms();
        let overridden = new.overridden.as_ref();
        let inserted = sqlx::query(
            "INSERT INTO runs
                 (id, deployment_id, sop_instance_uid, ordinal, study_instance_uid, series_instance_uid, mode, state,
                  reason, attempts, override_reason, override_by, override_ms, received_ms, queued_ms, finished_ms,
                  findings, map_state)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12, $13, $14, $15, '[]', $16)
             ON CONFLICT (deployment_id, sop_instance_uid, ordinal) DO NOTHING",
        )
        .bind(&id)
        .bind(&new.deployment_id)
        .bind(new.sop_instance_uid.as_str())
        .bind(ordinal)
        .bind(new.study_instance_uid.as_str())
        .bind(new.series_instance_uid.as_str())
        .bind(new.mode.as_str())
        .bind(new.state.as_str())
        .bind(&new.reason)
        .bind(overridden.map(|one| one.reason.as_str()))
        .bind(overridden.map(|one| one.by.as_str()))
        .bind(overridden.map(|one| one.at_ms))
        .bind(new.received_ms)
        .bind(now)
        .bind(new.state.is_terminal().then_some(now))
        .bind(if new.has_map { MapState::Pending.as_str() } else { MapState::None.as_str() })
        .execute(&mut *self.transaction)
        .await?
        .rows_affected();
        if inserted == 0 {
            return Ok(None);
        }
        if ordinal > 0 {
            self.supersede(new, &id).await?;
        }
        Ok(Some(id))
    }

    async fn runs_on_input(&mut self, new: &NewRun) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS runs FROM runs WHERE deployment_id = $1 AND sop_instance_uid = $2")
            .bind(&new.deployment_id)
            .bind(new.sop_instance_uid.as_str())
            .fetch_one(&mut *self.transaction)
            .await?;
        Ok(row.try_get("runs")?)
    }

    /// How many runs were queued on the input before another file took its place; 0 for nearly every input.
    async fn runs_before_replacement(&mut self, new: &NewRun) -> Result<i64, StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS runs FROM runs JOIN instances ON instances.sop_instance_uid = runs.sop_instance_uid
             WHERE runs.deployment_id = $1 AND runs.sop_instance_uid = $2 AND runs.queued_ms <= instances.replaced_ms",
        )
        .bind(&new.deployment_id)
        .bind(new.sop_instance_uid.as_str())
        .fetch_one(&mut *self.transaction)
        .await?;
        Ok(row.try_get("runs")?)
    }

    async fn supersede(&mut self, new: &NewRun, by: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE runs SET superseded_by = $1
             WHERE deployment_id = $2 AND sop_instance_uid = $3 AND id <> $4 AND superseded_by IS NULL",
        )
        .bind(by)
        .bind(&new.deployment_id)
        .bind(new.sop_instance_uid.as_str())
        .bind(by)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Takes a run to its next state, and gives it as it then is. A run that is there already stays.
    ///
    /// # Errors
    /// [`StoreError::Transition`] when the state machine has no such way; else when the database refuses.
    pub async fn advance_run(&mut self, run_id: &str, to: RunState, reason: &str) -> Result<Run, StoreError> {
        let mut run = self.run(run_id).await?;
        if run.state != to && !run.state.may_become(to) {
            let (from, to) = (run.state.as_str(), to.as_str());
            return Err(StoreError::Transition { run_id: run_id.to_owned(), from, to });
        }
        let now = now_ms();
        let begins = to == RunState::Running;
        sqlx::query(
            "UPDATE runs SET state = $1, reason = $2,
                 attempts = attempts + $3,
                 started_ms = CASE WHEN $4 = 1 THEN $5 ELSE started_ms END,
                 finished_ms = CASE WHEN $6 = 1 THEN $7 ELSE NULL END
             WHERE id = $8",
        )
        .bind(to.as_str())
        .bind(reason)
        .bind(i64::from(begins))
        .bind(i64::from(begins))
        .bind(now)
        .bind(i64::from(to.is_terminal()))
        .bind(now)
        .bind(run_id)
        .execute(&mut *self.transaction)
        .await?;
        run.state = to;
        reason.clone_into(&mut run.reason);
        Ok(run)
    }

    /// Stores what the app says. The run is then publishing.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn store_findings(
        &mut self,
        run_id: &str,
        findings: &[Finding],
        model_us: i64,
    ) -> Result<(), StoreError> {
        let text = serde_json::to_string(findings).map_err(|error| StoreError::row("run", run_id, error))?;
        self.advance_run(run_id, RunState::Publishing, "").await?;
        sqlx::query("UPDATE runs SET findings = $1, model_us = $2, inferred_ms = $3 WHERE id = $4")
            .bind(text)
            .bind(model_us)
            .bind(now_ms())
            .bind(run_id)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Notes that a result of a run is stored as an instance. Noting it twice changes nothing.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn insert_result(&mut self, run_id: &str, result: &StoredResult) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO results (run_id, kind, sop_instance_uid, series_instance_uid, stored_ms)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (run_id, kind) DO NOTHING",
        )
        .bind(run_id)
        .bind(result.kind.as_str())
        .bind(result.sop_instance_uid.as_str())
        .bind(result.series_instance_uid.as_str())
        .bind(result.stored_ms)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Stores the map of a run, or that it could not be made.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn store_map(&mut self, run_id: &str, map: Option<&Map>, map_ms: i64) -> Result<(), StoreError> {
        let text = map.map(serde_json::to_string).transpose().map_err(|error| StoreError::row("run", run_id, error))?;
        let state = if map.is_some() { MapState::Stored } else { MapState::Failed };
        sqlx::query("UPDATE runs SET map_state = $1, map_ms = $2, map = $3 WHERE id = $4")
            .bind(state.as_str())
            .bind(map_ms)
            .bind(text)
            .bind(run_id)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }

    /// Orders the map of a run once more, unless it is none that could not be made; gives whether it is ordered.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn order_map_again(&mut self, run_id: &str) -> Result<bool, StoreError> {
        let ordered = sqlx::query("UPDATE runs SET map_state = 'pending' WHERE id = $1 AND map_state = 'failed'")
            .bind(run_id)
            .execute(&mut *self.transaction)
            .await?;
        Ok(ordered.rows_affected() == 1)
    }

    /// Notes why a deployment ran or did not run on an instance; a new look replaces the old one.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn insert_decision(&mut self, decision: &Decision) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO decisions
                 (deployment_id, sop_instance_uid, study_instance_uid, series_instance_uid, outcome, reason, decided_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (deployment_id, sop_instance_uid) DO UPDATE SET
                 outcome = excluded.outcome, reason = excluded.reason, decided_ms = excluded.decided_ms",
        )
        .bind(&decision.deployment_id)
        .bind(decision.sop_instance_uid.as_str())
        .bind(decision.study_instance_uid.as_str())
        .bind(decision.series_instance_uid.as_str())
        .bind(decision.outcome.as_str())
        .bind(&decision.reason)
        .bind(decision.decided_ms)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// The run of this identifier, as this transaction sees it.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or when the database refuses.
    pub async fn run(&mut self, run_id: &str) -> Result<Run, StoreError> {
        let row = sqlx::query(RUN_BY_ID).bind(run_id).fetch_optional(&mut *self.transaction).await?;
        let row = row.ok_or_else(|| StoreError::Missing { kind: "run", id: run_id.to_owned() })?;
        run_of(&row)
    }

    pub(crate) async fn runs_of_study(&mut self, study_instance_uid: &str) -> Result<Vec<Run>, StoreError> {
        let rows = sqlx::query(RUNS_OF_STUDY).bind(study_instance_uid).fetch_all(&mut *self.transaction).await?;
        rows.iter().map(run_of).collect()
    }

    pub(crate) async fn decisions_of_study(&mut self, study_instance_uid: &str) -> Result<Vec<Decision>, StoreError> {
        let rows = sqlx::query(DECISIONS_OF_STUDY).bind(study_instance_uid).fetch_all(&mut *self.transaction).await?;
        rows.iter().map(decision_of).collect()
    }
}

/// Reads a name of a closed list.
fn named<T>(row: &AnyRow, column: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    parse(&text).ok_or_else(|| StoreError::row(column, &text, "this release does not know it"))
}

fn run_of(row: &AnyRow) -> Result<Run, StoreError> {
    let id: String = row.try_get("id")?;
    let findings: String = row.try_get("findings")?;
    let findings = serde_json::from_str(&findings).map_err(|error| StoreError::row("run", &id, error))?;
    Ok(Run {
        deployment_id: row.try_get("deployment_id")?,
        study_instance_uid: uid_of(row, "study_instance_uid")?,
        series_instance_uid: uid_of(row, "series_instance_uid")?,
        sop_instance_uid: uid_of(row, "sop_instance_uid")?,
        state: named(row, "state", RunState::parse)?,
        reason: row.try_get("reason")?,
        attempts: row.try_get("attempts")?,
        overridden: override_of(row)?,
        received_ms: row.try_get("received_ms")?,
        queued_ms: row.try_get("queued_ms")?,
        started_ms: row.try_get("started_ms")?,
        inferred_ms: row.try_get("inferred_ms")?,
        finished_ms: row.try_get("finished_ms")?,
        model_us: row.try_get("model_us")?,
        mode: named(row, "mode", DeploymentMode::parse)?,
        map_state: named(row, "map_state", MapState::parse)?,
        map_ms: row.try_get("map_ms")?,
        superseded_by: row.try_get("superseded_by")?,
        findings,
        id,
    })
}

fn override_of(row: &AnyRow) -> Result<Option<Override>, StoreError> {
    let (reason, by, at_ms) =
        (row.try_get("override_reason")?, row.try_get("override_by")?, row.try_get("override_ms")?);
    Ok(match (reason, by, at_ms) {
        (Some(reason), Some(by), Some(at_ms)) => Some(Override { reason, by, at_ms }),
        _ => None,
    })
}

fn decision_of(row: &AnyRow) -> Result<Decision, StoreError> {
    Ok(Decision {
        deployment_id: row.try_get("deployment_id")?,
        study_instance_uid: uid_of(row, "study_instance_uid")?,
        series_instance_uid: uid_of(row, "series_instance_uid")?,
        sop_instance_uid: uid_of(row, "sop_instance_uid")?,
        outcome: named(row, "outcome", Outcome::parse)?,
        reason: row.try_get("reason")?,
        decided_ms: row.try_get("decided_ms")?,
    })
}

fn result_of(row: &AnyRow) -> Result<StoredResult, StoreError> {
    Ok(StoredResult {
        kind: named(row, "kind", ResultKind::parse)?,
        sop_instance_uid: uid_of(row, "sop_instance_uid")?,
        series_instance_uid: uid_of(row, "series_instance_uid")?,
        stored_ms: row.try_get("stored_ms")?,
    })
}
