//! A client of a DICOMweb door, for the few requests that are not timed and for uploads.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::Agent;

/// A single answer that takes longer is a defect.
const ANSWER_MAX: Duration = Duration::from_secs(600);
/// A study of 200 CT slices has 105 MB.
const ANSWER_BYTES_MAX: u64 = 1 << 30;
/// The media type of the DICOM JSON model (PS3.18 §8.7.3).
pub const DICOM_JSON: &str = "application/dicom+json";

/// Where a server answers DICOMweb, and as whom we ask.
#[derive(Clone)]
pub struct Web {
    /// Scheme, host and port.
    pub origin: String,
    /// The path before `/studies`.
    pub root: &'static str,
    /// The value of the `Authorization` header, if one is needed.
    pub authorization: Option<String>,
    agent: Agent,
}

/// The body of an answer, and what it is.
pub struct Answer {
    /// `Content-Type`.
    pub media_type: String,
    /// All of it.
    pub body: Vec<u8>,
}

impl Web {
    /// A client with one connection.
    pub fn new(origin: &str, root: &'static str, authorization: Option<String>) -> Self {
        let config = Agent::config_builder().timeout_global(Some(ANSWER_MAX)).http_status_as_error(false);
        let origin = origin.trim_end_matches('/').to_owned();
        Self { origin, root, authorization, agent: config.build().into() }
    }

    /// The same door over a connection of its own.
    pub fn another(&self) -> Self {
        Self::new(&self.origin, self.root, self.authorization.clone())
    }

    /// Fetches a path below the root. Fails unless it is there.
    pub fn get(&self, path: &str, accept: &str) -> Result<Answer> {
        let mut request = self.agent.get(self.url(path)).header("Accept", accept);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let mut response = request.call().with_context(|| format!("GET {path}"))?;
        let media_type = response.headers().get("Content-Type").and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().to_owned();
        let status = response.status();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        if !status.is_success() {
            bail!("GET {path} was answered with {status}: {}", String::from_utf8_lossy(&body[..body.len().min(300)]));
        }
        Ok(Answer { media_type, body })
    }

    /// Fetches JSON; no content is null. A path may begin with `/../` to leave the root.
    pub fn json(&self, path: &str) -> Result<Value> {
        let answer = self.get(path, "application/dicom+json, application/json")?;
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).with_context(|| format!("GET {path} gave no JSON"))
    }

    /// Posts a body of a known length. Gives status and body of the answer.
    pub fn post(&self, path: &str, media_type: &str, bytes: u64, body: &mut dyn std::io::Read) -> Result<(u16, Value)> {
        let mut request =
            self.agent.post(self.url(path)).header("Content-Type", media_type).header("Accept", DICOM_JSON);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let body = ureq::SendBody::from_reader(body);
        let mut response =
            request.header("Content-Length", bytes.to_string()).send(body).with_context(|| format!("POST {path}"))?;
        let text = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok((response.status().as_u16(), serde_json::from_slice(&text).unwrap_or(Value::Null)))
    }

    fn url(&self, path: &str) -> String {
        match path.strip_prefix("/..") {
            Some(path) => format!("{}{path}", self.origin),
            None => format!("{}{}{path}", self.origin, self.root),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_below_the_root_unless_it_leaves_it() {
        let web = Web::new("http://127.0.0.1:80/", "/dicomweb", None);
        assert_eq!(web.url("/studies"), "http://127.0.0.1:80/dicomweb/studies");
        assert_eq!(web.url("/../statistics"), "http://127.0.0.1:80/statistics");
    }
}
