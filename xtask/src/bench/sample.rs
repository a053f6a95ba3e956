//! What was measured, line by line, and what is expected of it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// One measurement of one server.
#[derive(Clone, Serialize, Deserialize)]
pub struct Sample {
    /// Door, what, and how much at once: `store ct 4`, `qido patient 8`.
    pub measure: String,
    /// Which server.
    pub server: String,
    /// Which time round, from 1.
    pub round: u32,
    /// By the name of the metric, whose end is its unit.
    pub values: BTreeMap<String, f64>,
}

/// All measurements, each in the file as soon as it is made.
pub struct Samples {
    file: File,
    /// In the order of their making.
    pub all: Vec<Sample>,
}

impl Samples {
    /// Begins a file anew, or goes on with what it holds.
    pub fn open(path: &Path, goes_on: bool) -> Result<Self> {
        let text = if goes_on { fs::read_to_string(path).unwrap_or_default() } else { String::new() };
        let all = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        let all = all.with_context(|| format!("cannot understand {}", path.display()))?;
        let file = OpenOptions::new().create(true).write(true).append(goes_on).truncate(!goes_on).open(path);
        Ok(Self { file: file.with_context(|| format!("cannot write {}", path.display()))?, all })
    }

    /// Keeps a measurement and tells of it.
    pub fn add(&mut self, sample: Sample) -> Result<()> {
        let value = |name: &str| sample.values.get(name).copied().unwrap_or_default();
        println!(
            "bench: {}, {}: {:.1}/s, {:.2} ms CPU each, peak {:.0} MB, others use {:.1} cores",
            sample.measure,
            sample.server,
            value("per_second"),
            value("cpu_ms_each"),
            value("peak_mb"),
            value("other_cores"),
        );
        writeln!(self.file, "{}", serde_json::to_string(&sample)?)?;
        self.all.push(sample);
        Ok(())
    }
}

/// All values of a metric of one measure and server.
pub fn values(samples: &[Sample], measure: &str, server: &str, metric: &str) -> Vec<f64> {
    let of = samples.iter().filter(|sample| sample.measure == measure && sample.server == server);
    of.filter_map(|sample| sample.values.get(metric).copied()).collect()
}

/// The middle value, or the mean of the two in the middle; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { (sorted[middle - 1] + upper) / 2.0 })
}

/// One line of `bench/targets.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Which metric …
    pub metric: String,
    /// … of which measures.
    pub measures: Vec<String>,
    /// Divided by that of which server; the value itself counts without it.
    pub against: Option<String>,
    at_least: Option<f64>,
    at_most: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Targets {
    target: Vec<Target>,
}

/// Reads `bench/targets.toml`.
pub fn read_targets(root: &Path) -> Result<Vec<Target>> {
    let text = fs::read_to_string(root.join("bench/targets.toml")).context("cannot read bench/targets.toml")?;
    let targets: Targets = toml::from_str(&text).context("cannot understand bench/targets.toml")?;
    if targets.target.iter().any(|target| target.at_least.is_some() == target.at_most.is_some()) {
        bail!("bench/targets.toml: a target needs one of at_least and at_most");
    }
    Ok(targets.target)
}

impl Target {
    /// Whether a value or ratio is good enough.
    pub fn is_met(&self, value: f64) -> bool {
        self.at_least.is_none_or(|least| value >= least) && self.at_most.is_none_or(|most| value <= most)
    }

    /// In signs: `≥ 2.5`.
    pub fn words(&self) -> String {
        let bound = self.at_least.map(|least| format!("≥ {least}")).or(self.at_most.map(|most| format!("≤ {most}")));
        bound.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn the_targets_of_the_tree_are_understood() {
        let targets = read_targets(&Workspace::find().unwrap().root).unwrap();
        let ct = targets.iter().find(|target| target.measures == ["store ct 4"]).unwrap();
        assert_eq!(ct.words(), "≥ 2.5");
        assert!(ct.is_met(2.5) && !ct.is_met(2.49));
    }

    #[test]
    fn a_file_is_gone_on_with_or_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.jsonl");
        let sample = Sample {
            measure: "store ct 4".into(),
            server: "lightbox".into(),
            round: 1,
            values: [("per_second".to_owned(), 7.5)].into(),
        };
        Samples::open(&path, false).unwrap().add(sample.clone()).unwrap();
        let mut samples = Samples::open(&path, true).unwrap();
        samples.add(sample).unwrap();
        let samples = Samples::open(&path, true).unwrap();
        assert_eq!(values(&samples.all, "store ct 4", "lightbox", "per_second"), [7.5, 7.5]);
        assert!(Samples::open(&path, false).unwrap().all.is_empty());
    }
}
