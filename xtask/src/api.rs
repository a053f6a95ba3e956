//! The few calls of the HTTP API that the demo and the benchmark make, with the fields that they read.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::Agent;

/// A single answer that takes longer is a defect.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A client of one server with one token.
pub struct Api {
    agent: Agent,
    base: String,
    authorization: String,
}

/// One execution of a deployment, as far as it is shown here.
#[derive(Clone, Deserialize)]
pub struct Run {
    /// Which app …
    pub app_id: String,
    /// … in which release.
    pub release: String,
    /// `finished`, `rejected` and `failed` are final.
    pub state: String,
    /// Why it was rejected or failed.
    pub reason: Option<String>,
    /// The image.
    pub sop_instance_uid: String,
    /// The model's own time, in milliseconds.
    pub model_ms: Option<f64>,
    /// From the image's last byte to the stored report, in milliseconds.
    pub turnaround_ms: Option<f64>,
    /// What the app says.
    pub findings: Vec<Finding>,
    /// The map that follows the report.
    pub map: Map,
    /// What is stored of it.
    pub results: Vec<StoredResult>,
}

impl Run {
    /// Whether nothing more will come, the map included.
    pub fn is_settled(&self) -> bool {
        match self.state.as_str() {
            "finished" => self.map.state != "pending",
            state => state == "rejected" || state == "failed",
        }
    }
}

/// One coded statement of an app with its score.
#[derive(Clone, Deserialize)]
pub struct Finding {
    /// What is found.
    pub code: Code,
    /// 0 to 1.
    pub score: f64,
    /// From which score on it is positive.
    pub threshold: f64,
    /// Whether the score reaches the threshold.
    pub positive: bool,
}

/// A coded concept, as far as it is shown here.
#[derive(Clone, Deserialize)]
pub struct Code {
    /// In words.
    pub meaning: String,
}

/// The map of a run.
#[derive(Clone, Deserialize)]
pub struct Map {
    /// `none`, `pending`, `stored` or `failed`.
    pub state: String,
    /// How long it took, in milliseconds.
    pub ms: Option<f64>,
}

/// One DICOM object that a run made.
#[derive(Clone, Deserialize)]
pub struct StoredResult {
    /// `sr`, `sc`.
    pub kind: String,
}

#[derive(Deserialize)]
struct Study {
    runs: Vec<Run>,
}

/// A release at work.
#[derive(Deserialize)]
pub struct Deployment {
    /// Which app …
    pub app_id: String,
    /// … in which release.
    pub release: String,
}

impl Api {
    /// A client for the server at `base`, such as `http://127.0.0.1:8080`.
    pub fn new(base: &str, token: &str) -> Self {
        let config = Agent::config_builder().timeout_global(Some(ANSWER_MAX)).build();
        Self { agent: config.into(), base: base.to_owned(), authorization: format!("Bearer {token}") }
    }

    /// The newest run on an image, if there is one by now.
    pub fn run(&self, study_instance_uid: &str, sop_instance_uid: &str) -> Result<Option<Run>> {
        let study: Study = self.get(&format!("/api/v1/studies/{study_instance_uid}"))?;
        Ok(study.runs.into_iter().rfind(|run| run.sop_instance_uid == sop_instance_uid))
    }

    /// All deployments.
    pub fn deployments(&self) -> Result<Vec<Deployment>> {
        self.get("/api/v1/deployments")
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let url = format!("{}{path}", self.base);
        let request = self.agent.get(&url).header("Authorization", &self.authorization);
        let mut response = request.call().with_context(|| format!("GET {url}"))?;
        response.body_mut().read_json().with_context(|| format!("cannot understand the answer to GET {url}"))
    }
}
