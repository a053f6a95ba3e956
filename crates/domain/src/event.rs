//! The event log's lines: who did what to which object when, with what outcome.

/// What a line of the log is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Who: an account, `peer:AET`, `import`, `lightbox`.
    pub actor: String,
    /// What, as `noun.verb`, such as `instance.stored`.
    pub action: &'static str,
    /// The kind of the object, such as `instance`.
    pub object_kind: &'static str,
    /// Its identifier; never a patient's name or number.
    pub object_id: String,
    /// `ok`, or the reason in a few words.
    pub outcome: String,
    /// More as a JSON object, without patient data; `{}` when there is nothing to add.
    pub detail: String,
    /// The study that watchers should look at again, if there is one.
    pub study_instance_uid: Option<String>,
}

impl Event {
    /// A successful event without details.
    #[must_use]
    pub fn new(actor: &str, action: &'static str, object_kind: &'static str, object_id: &str) -> Self {
        Self {
            actor: actor.to_owned(),
            action,
            object_kind,
            object_id: object_id.to_owned(),
            outcome: "ok".to_owned(),
            detail: "{}".to_owned(),
            study_instance_uid: None,
        }
    }

    /// The same with another outcome than `ok`.
    #[must_use]
    pub fn outcome(mut self, outcome: &str) -> Self {
        outcome.clone_into(&mut self.outcome);
        self
    }

    /// The same with details, a JSON object.
    #[must_use]
    pub fn detail(mut self, json: String) -> Self {
        self.detail = json;
        self
    }

    /// The same, of interest to those who look at this study.
    #[must_use]
    pub fn study(mut self, study_instance_uid: &str) -> Self {
        self.study_instance_uid = Some(study_instance_uid.to_owned());
        self
    }
}
