//! Golden cases: inputs that a release brings along, and what it must say of them.

use crate::{Finding, RunState};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// By how much a score may differ where a case says nothing else.
const TOLERANCE: f64 = 1e-3;

/// One case: a file `golden/NAME.toml` of a release.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoldenCase {
    /// The DICOM file beside it.
    pub file: String,
    /// What the case shows, for people.
    #[serde(default)]
    pub about: String,
    /// What becomes of it.
    pub expect: GoldenState,
    /// The score of each finding, by its identifier; those that are not named may be anything.
    #[serde(default)]
    pub scores: BTreeMap<String, f64>,
    /// By how much a score may differ; 0.001 if not said.
    pub tolerance: Option<f64>,
    /// Words that must be in the reason.
    #[serde(default)]
    pub reason: String,
}

/// What becomes of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GoldenState {
    /// The app runs, and its report is stored.
    Finished,
    /// The input is refused, as outside the intended use or because it cannot be read.
    Rejected,
    /// The app is not meant for this kind of object.
    NotApplicable,
    /// The run fails.
    Failed,
}

/// What became of a case's input.
#[derive(Clone, Debug, PartialEq)]
pub struct GoldenOutcome {
    /// Where its run ended; `None` when there was none.
    pub state: Option<RunState>,
    /// Why it was rejected, failed, or no run; else empty.
    pub reason: String,
    /// What was said.
    pub findings: Vec<Finding>,
}

impl GoldenCase {
    /// Reads a case's file.
    ///
    /// # Errors
    /// One line that says what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let case: Self = toml::from_str(text).map_err(|error| crate::manifest::in_one_line(text, &error))?;
        match case.file.is_empty() || case.file.contains(['/', '\\']) || case.file.starts_with('.') {
            true => Err(format!("file {} must name a file beside it", case.file)),
            false => Ok(case),
        }
    }

    /// What differs from what is expected, in words; nothing if nothing does.
    #[must_use]
    pub fn differences(&self, outcome: &GoldenOutcome) -> Vec<String> {
        let mut differences = Vec::new();
        let became = became(outcome.state);
        if became != Some(self.expect) {
            let reason = if outcome.reason.is_empty() { String::new() } else { format!(": {}", outcome.reason) };
            let became = became.map_or("has not ended", GoldenState::as_str);
            differences.push(format!("it {became}{reason}; expected: {}", self.expect.as_str()));
        }
        if !outcome.reason.contains(&self.reason) {
            differences.push(format!("the reason is {:?}, without {:?}", outcome.reason, self.reason));
        }
        let tolerance = self.tolerance.unwrap_or(TOLERANCE);
        for (id, expected) in &self.scores {
            match outcome.findings.iter().find(|finding| finding.id == *id) {
                Some(finding) if (finding.score - expected).abs() <= tolerance => {}
                Some(finding) => {
                    differences.push(format!("{id} scored {:.6}, expected {expected} ± {tolerance}", finding.score));
                }
                None => differences.push(format!("nothing was said of {id}, expected {expected}")),
            }
        }
        differences
    }
}

impl GoldenState {
    /// The state in words that complete "it …".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Rejected => "was rejected",
            Self::NotApplicable => "was not applicable",
            Self::Failed => "failed",
        }
    }
}

fn became(state: Option<RunState>) -> Option<GoldenState> {
    match state {
        None => Some(GoldenState::NotApplicable),
        Some(RunState::Finished) => Some(GoldenState::Finished),
        Some(RunState::Rejected) => Some(GoldenState::Rejected),
        Some(RunState::Failed) => Some(GoldenState::Failed),
        Some(RunState::Queued | RunState::Running | RunState::Publishing) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    fn case(text: &str) -> GoldenCase {
        GoldenCase::parse(&format!("file = \"film.dcm\"\n{text}")).unwrap()
    }

    fn outcome(state: Option<RunState>, reason: &str, score: f64) -> GoldenOutcome {
        let code = Code { scheme: "SCT".to_owned(), value: "1".to_owned(), meaning: "One".to_owned() };
        let finding = Finding { id: "one".to_owned(), code, score, threshold: 0.5 };
        GoldenOutcome { state, reason: reason.to_owned(), findings: vec![finding] }
    }

    #[track_caller]
    fn check(text: &str, outcome: &GoldenOutcome, expected: &[&str]) {
        assert_eq!(case(text).differences(outcome), expected);
    }

    #[test]
    fn what_differs_is_said() {
        let finished = outcome(Some(RunState::Finished), "", 0.25);
        check("expect = \"finished\"\nscores = { one = 0.2505 }", &finished, &[]);
        check(
            "expect = \"finished\"\nscores = { one = 0.26 }",
            &finished,
            &["one scored 0.250000, expected 0.26 ± 0.001"],
        );
        check("expect = \"finished\"\nscores = { one = 0.26 }\ntolerance = 0.1", &finished, &[]);
        check("expect = \"finished\"\nscores = { two = 0.5 }", &finished, &["nothing was said of two, expected 0.5"]);
        check("expect = \"rejected\"", &finished, &["it finished; expected: was rejected"]);
        let rejected = outcome(Some(RunState::Rejected), "an adult", 0.25);
        check("expect = \"rejected\"\nreason = \"adult\"", &rejected, &[]);
        check(
            "expect = \"rejected\"\nreason = \"child\"",
            &rejected,
            &["the reason is \"an adult\", without \"child\""],
        );
        check("expect = \"finished\"", &rejected, &["it was rejected: an adult; expected: finished"]);
        check(
            "expect = \"finished\"",
            &outcome(Some(RunState::Queued), "", 0.0),
            &["it has not ended; expected: finished"],
        );
        check("expect = \"not_applicable\"", &outcome(None, "Modality is CT", 0.0), &[]);
    }

    #[test]
    fn a_case_names_a_file_of_its_own_folder() {
        for file in ["../film.dcm", "/film.dcm", "", ".film.dcm"] {
            assert!(GoldenCase::parse(&format!("file = \"{file}\"\nexpect = \"finished\"")).is_err(), "{file}");
        }
        let error = GoldenCase::parse("file = \"film.dcm\"\nexpect = \"done\"").unwrap_err();
        assert!(error.starts_with("line 2: unknown variant `done`"), "{error}");
    }
}
