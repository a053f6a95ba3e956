//! How studies stand to the orders: one row a study, and the queue of those at which somebody should look.

use crate::instances::uid_of;
use crate::orders::{order_columns, order_of};
use crate::studies::{study_columns, study_of};
use crate::{Store, StoreError, StoredStudy, Write, now_ms};
use lightbox_domain::{
    Candidates, Event, Job, MatchReason, MatchState, Order, OrderMatch, Patient, PatientKey, StudyAttributes, Uid,
};
use sqlx::Row;
use sqlx::any::AnyRow;

/// The most orders that one study is matched with.
const CANDIDATES_MAX: i64 = 200;

/// Who decides when no person does, as the log names it.
pub const MATCHER: &str = "lightbox";

/// How a study stands to the orders, and who said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMatch {
    /// The study.
    pub study_instance_uid: Uid,
    /// How, and why.
    pub found: OrderMatch,
    /// The correction that came with a person's decision.
    pub overlay_id: Option<String>,
    /// `lightbox`, or a person.
    pub decided_by: String,
    /// When, in milliseconds since 1970.
    pub decided_ms: i64,
}

/// A decision of how a study stands to the orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchDecision<'a> {
    /// How, and why.
    pub found: OrderMatch,
    /// The correction that comes with it.
    pub overlay_id: Option<&'a str>,
    /// Who decides.
    pub by: &'a str,
    /// Why a person does.
    pub because: &'a str,
}

macro_rules! match_columns {
    () => {
        "order_matches.state, order_matches.reason, order_matches.order_id, order_matches.overlay_id,
         order_matches.decided_by, order_matches.decided_ms"
    };
}

impl Store {
    /// Whether a study has to be matched at all: some order is there, or an earlier study of its patient whose demographics
    /// are written otherwise.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn wants_match(&self, study_instance_uid: &str) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM orders) OR EXISTS (
                 SELECT 1 FROM studies JOIN studies AS other
                     ON other.patient_id = studies.patient_id
                     AND other.issuer_of_patient_id = studies.issuer_of_patient_id
                 WHERE studies.study_instance_uid = $1 AND studies.patient_id <> ''
                     AND other.study_instance_uid <> studies.study_instance_uid
                     AND (other.patient_name <> studies.patient_name
                         OR other.patient_birth_date <> studies.patient_birth_date
                         OR other.patient_sex <> studies.patient_sex))",
        )
        .bind(study_instance_uid)
        .fetch_optional(self.readers())
        .await?;
        Ok(row.is_some())
    }

    /// A study and what it is matched with; `None` when nothing of it is there.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn match_case(&self, study: &Uid) -> Result<Option<(StoredStudy, Candidates)>, StoreError> {
        let Some(stored) = self.study(study.as_str()).await?.filter(|study| study.instance_count > 0) else {
            return Ok(None);
        };
        let before = self.order_match(study).await?;
        let linked = before.filter(|one| one.found.reason == MatchReason::Linked).and_then(|one| one.found.order_id);
        let expected = sqlx::query("SELECT 1 FROM orders WHERE received_ms <= $1 LIMIT 1")
            .bind(stored.received_ms)
            .fetch_optional(self.readers())
            .await?;
        let with = Candidates {
            orders: self.candidate_orders(&stored.attributes, linked.as_deref()).await?,
            linked,
            patient: self.earlier_patient(&stored).await?,
            is_order_expected: expected.is_some(),
        };
        Ok(Some((stored, with)))
    }

    /// Orders with the accession number or the patient identifier of a study, and one of this identifier.
    async fn candidate_orders(&self, study: &StudyAttributes, also: Option<&str>) -> Result<Vec<Order>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            order_columns!(),
            " FROM orders WHERE id = $1 OR (accession_number = $2 AND accession_number <> '')
                  OR (patient_id = $3 AND patient_id <> '') ORDER BY id DESC LIMIT $4"
        ))
        .bind(also.unwrap_or_default())
        .bind(&study.accession_number)
        .bind(&study.patient.key.id)
        .bind(CANDIDATES_MAX)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(order_of).collect()
    }

    /// The patient as the first of their other studies says them, if that arrived before this one.
    async fn earlier_patient(&self, study: &StoredStudy) -> Result<Option<Patient>, StoreError> {
        let key = &study.attributes.patient.key;
        if key.id.is_empty() {
            return Ok(None);
        }
        let row = sqlx::query(
            "SELECT patient_name, patient_birth_date, patient_sex FROM studies
             WHERE patient_id = $1 AND issuer_of_patient_id = $2 AND study_instance_uid <> $3 AND received_ms <= $4
                 AND number_of_study_related_instances > 0
             ORDER BY received_ms, study_instance_uid LIMIT 1",
        )
        .bind(&key.id)
        .bind(&key.issuer)
        .bind(study.attributes.study_instance_uid.as_str())
        .bind(study.received_ms)
        .fetch_optional(self.readers())
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Patient {
            key: key.clone(),
            name: row.try_get("patient_name")?,
            birth_date: row.try_get("patient_birth_date")?,
            sex: row.try_get("patient_sex")?,
            age: String::new(),
        }))
    }

    /// How a study stands to the orders, if there is anything to say.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn order_match(&self, study: &Uid) -> Result<Option<StoredMatch>, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT study_instance_uid, ",
            match_columns!(),
            " FROM order_matches WHERE study_instance_uid = $1"
        ))
        .bind(study.as_str())
        .fetch_optional(self.readers())
        .await?;
        row.as_ref().map(match_of).transpose()
    }

    /// Studies at which somebody should look, or, if `decided`, those about which a person decided; the newest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn unmatched(&self, decided: bool, limit: i64) -> Result<Vec<(StoredStudy, StoredMatch)>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            study_columns!(),
            ", ",
            match_columns!(),
            " FROM order_matches JOIN studies ON studies.study_instance_uid = order_matches.study_instance_uid
              WHERE studies.number_of_study_related_instances > 0
                AND (($1 = 0 AND order_matches.state IN ('suggested', 'unmatched', 'contradicts'))
                  OR ($2 = 1 AND order_matches.reason IN ('linked', 'no_order_needed')))
              ORDER BY order_matches.decided_ms DESC, order_matches.study_instance_uid LIMIT $3"
        ))
        .bind(i64::from(decided))
        .bind(i64::from(decided))
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(|row| Ok((study_of(row)?, match_of(row)?))).collect()
    }
}

fn match_of(row: &AnyRow) -> Result<StoredMatch, StoreError> {
    let study_instance_uid = uid_of(row, "study_instance_uid")?;
    let unknown = |what| StoreError::row("order match", study_instance_uid.as_str(), what);
    let (state, reason): (String, String) = (row.try_get("state")?, row.try_get("reason")?);
    let found = OrderMatch {
        state: MatchState::parse(&state).ok_or_else(|| unknown("unknown state"))?,
        reason: MatchReason::parse(&reason).ok_or_else(|| unknown("unknown reason"))?,
        order_id: row.try_get("order_id")?,
    };
    Ok(StoredMatch {
        found,
        overlay_id: row.try_get("overlay_id")?,
        decided_by: row.try_get("decided_by")?,
        decided_ms: row.try_get("decided_ms")?,
        study_instance_uid,
    })
}

impl Write {
    /// Whether a study still stands to the orders as it did when `before` was read.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn is_match_still(&mut self, study: &Uid, before: Option<&StoredMatch>) -> Result<bool, StoreError> {
        let row = sqlx::query(concat!(
            "SELECT study_instance_uid, ",
            match_columns!(),
            " FROM order_matches WHERE study_instance_uid = $1"
        ))
        .bind(study.as_str())
        .fetch_optional(&mut *self.transaction)
        .await?;
        Ok(row.as_ref().map(match_of).transpose()?.as_ref() == before)
    }

    /// Keeps how a study stands to the orders, and says it in the log.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn keep_match(&mut self, study: &Uid, decision: &MatchDecision<'_>) -> Result<(), StoreError> {
        let found = &decision.found;
        sqlx::query(
            "INSERT INTO order_matches
                 (study_instance_uid, state, reason, order_id, overlay_id, decided_by, decided_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (study_instance_uid) DO UPDATE SET
                 state = excluded.state, reason = excluded.reason, order_id = excluded.order_id,
                 overlay_id = excluded.overlay_id, decided_by = excluded.decided_by, decided_ms = excluded.decided_ms",
        )
        .bind(study.as_str())
        .bind(found.state.as_str())
        .bind(found.reason.as_str())
        .bind(found.order_id.as_deref())
        .bind(decision.overlay_id)
        .bind(decision.by)
        .bind(now_ms())
        .execute(&mut *self.transaction)
        .await?;
        let action = match (found.state, found.reason) {
            (MatchState::Matched, MatchReason::Linked) => "study.order_linked",
            (MatchState::Matched, _) => "study.order_matched",
            (MatchState::NotNeeded, _) => "study.order_not_needed",
            _ => "study.order_unmatched",
        };
        let detail = serde_json::json!({ "order": found.order_id, "reason": decision.because }).to_string();
        let event = Event::new(decision.by, action, "study", study.as_str()).detail(detail).study(study.as_str());
        self.append_event(if found.state.is_queued() { event.outcome(found.reason.words()) } else { event }).await
    }

    /// Forgets how a study stands to the orders: a person took a decision back, or nothing is to be said any more.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn forget_match(&mut self, study: &Uid, by: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM order_matches WHERE study_instance_uid = $1")
            .bind(study.as_str())
            .execute(&mut *self.transaction)
            .await?;
        let action = if by == MATCHER { "study.order_settled" } else { "study.order_decision_undone" };
        self.append_event(Event::new(by, action, "study", study.as_str()).study(study.as_str())).await
    }

    /// Orders that a study is matched, now.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn match_again(&mut self, study_instance_uid: &str) -> Result<(), StoreError> {
        let job = Job::Match { study_instance_uid: study_instance_uid.to_owned() };
        self.enqueue_by(&job, now_ms()).await
    }

    /// The same for the studies that an order may concern: with its accession number, matched with it before, or of its
    /// patient and in the queue.
    pub(crate) async fn match_studies_of(&mut self, order: &Order) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "SELECT study_instance_uid FROM studies WHERE accession_number = $1 AND accession_number <> ''
             UNION SELECT study_instance_uid FROM order_matches WHERE order_id = $2
             UNION SELECT studies.study_instance_uid FROM studies
                 JOIN order_matches ON order_matches.study_instance_uid = studies.study_instance_uid
                 WHERE studies.patient_id = $3 AND order_matches.state IN ('suggested', 'unmatched', 'contradicts')",
        )
        .bind(order.content.get("accession_number"))
        .bind(&order.id)
        .bind(order.content.get("patient_id"))
        .fetch_all(&mut *self.transaction)
        .await?;
        self.match_all_again(&rows).await
    }

    async fn match_all_again(&mut self, studies: &[AnyRow]) -> Result<(), StoreError> {
        for row in studies {
            self.match_again(row.try_get("study_instance_uid")?).await?;
        }
        Ok(())
    }

    /// The same after what counts for a study has changed: for it, and for what is in the queue of the patients whose it
    /// was and is.
    pub(crate) async fn match_corrected(&mut self, study: &Uid, patients: [PatientKey; 2]) -> Result<(), StoreError> {
        self.match_again(study.as_str()).await?;
        for patient in patients {
            let rows = sqlx::query(
                "SELECT studies.study_instance_uid FROM studies
                 JOIN order_matches ON order_matches.study_instance_uid = studies.study_instance_uid
                 WHERE studies.patient_id = $1 AND studies.issuer_of_patient_id = $2
                     AND order_matches.state IN ('suggested', 'unmatched', 'contradicts')",
            )
            .bind(&patient.id)
            .bind(&patient.issuer)
            .fetch_all(&mut *self.transaction)
            .await?;
            self.match_all_again(&rows).await?;
        }
        Ok(())
    }
}
