//! The report of the comparison with other archives: what is asked and what was reached, then every measure in numbers.

use std::fmt::Write;

use anyhow::Result;

use super::sample::{Sample, Target, median, values};
use crate::table::Table;

/// Others that use more of the machine than this, in cores, disturb a measurement.
const DISTURBING_CORES: f64 = 0.25;

/// The doors: as measures begin, as people call them, and the metrics in the columns of their tables.
const DOORS: [(&str, &str, &[&str]); 4] = [
    ("store", "C-STORE", &["cpu_ms_each", "peak_mb", "mb_per_second"]),
    ("stow", "STOW-RS, batches of 50", &["cpu_ms_each", "peak_mb", "mb_per_second"]),
    ("qido", "QIDO-RS", &["p50_ms", "p99_ms", "kb_each", "cpu_ms_each", "peak_mb"]),
    ("wado", "WADO-RS", &["p50_ms", "p99_ms", "mb_per_second", "cpu_ms_each", "cpu_ms_per_mb", "peak_mb"]),
];

/// What the numbers are about.
pub struct Setting<'a> {
    /// The machine.
    pub machine: &'a str,
    /// When, by UTC.
    pub date: &'a str,
    /// What was called.
    pub command: &'a str,
    /// Names and versions of the programs.
    pub versions: &'a [String],
    /// How large the corpora are.
    pub corpora: &'a str,
}

/// The report in Markdown.
pub fn archive(setting: &Setting, samples: &[Sample], targets: &[Target]) -> Result<String> {
    let mut report = head(setting, samples);
    write!(report, "\n## What is asked\n\n{}", target_table(samples, targets).markdown())?;
    for (door, title, metrics) in DOORS {
        let measures = measures(samples, door);
        if !measures.is_empty() {
            write!(report, "\n## {title}\n\n{}", measure_table(samples, &measures, metrics).markdown())?;
        }
    }
    Ok(report)
}

fn head(setting: &Setting, samples: &[Sample]) -> String {
    let disturbed = samples.iter().filter(|sample| value(sample, "other_cores") > DISTURBING_CORES).count();
    let [failed, closed] =
        ["failed", "closed"].map(|name| samples.iter().map(|sample| value(sample, name)).sum::<f64>());
    format!(
        "# Lightbox beside other archives\n\n\
         By `{}` on {}; {}. {}. Corpora: {}.\n\n\
         Medians over the rounds, with the least and the largest. In each round the servers take turns; for storing each \
         begins with an empty folder and must then hold every instance. Orthanc is set up as Debian packages it, SQLite \
         and DICOMweb plugin: it flushes each file, not its index. `storescp` flushes and indexes nothing. Lightbox has \
         file, folder and index on disk before it answers. `disk` writes, flushes and renames the same files and does \
         nothing else. TCP_NODELAY is set at both ends, but in the measures that say `packaged` \
         (a quarter of the files, once). CPU is the server's, \
         with its threads and children. Load generators run on the same machine: \"cores\" is what server + clients + \
         others used of it, which tells what bounds a figure: all cores busy, then the processor; else the disk or \
         waiting.\n\n\
         {} measurements, {disturbed} of them disturbed: others used more than {DISTURBING_CORES} cores meanwhile \
         (rows marked ~). None is left out. {failed:.0} requests failed; {closed:.0} times a server ended a \
         connection.\n",
        setting.command,
        setting.date,
        setting.machine,
        setting.versions.join(", "),
        setting.corpora,
        samples.len(),
    )
}

fn target_table(samples: &[Sample], targets: &[Target]) -> Table {
    let mut table = Table::new(&["measure", "metric", "Lightbox", "other", "ratio", "asked", ""]);
    for (target, measure) in targets.iter().flat_map(|target| target.measures.iter().map(move |name| (target, name))) {
        table.add(target_row(samples, target, measure));
    }
    table
}

fn target_row(samples: &[Sample], target: &Target, measure: &str) -> Vec<String> {
    let median_of = |server: &str| median(&values(samples, measure, server, &target.metric));
    let ours = median_of("lightbox");
    let other = target.against.as_deref().and_then(median_of);
    let ratio = ours.zip(other).map(|(ours, other)| ours / other);
    let reached = if target.against.is_some() { ratio } else { ours };
    let other_cell = target.against.as_ref().zip(other).map(|(name, other)| format!("{} ({name})", number(other)));
    vec![
        title(measure),
        target.metric.replace('_', " "),
        ours.map(number).unwrap_or_default(),
        other_cell.unwrap_or_default(),
        ratio.map(number).unwrap_or_default(),
        target.words(),
        reached.map_or("not measured", |value| if target.is_met(value) { "✓" } else { "✗" }).to_owned(),
    ]
}

/// The measures of a door.
fn measures(samples: &[Sample], door: &str) -> Vec<String> {
    let of_door = samples.iter().filter(|sample| sample.measure.split(' ').next() == Some(door));
    distinct(of_door.map(|sample| sample.measure.as_str()))
}

/// The servers that a measure was made of.
fn servers(samples: &[Sample], measure: &str) -> Vec<String> {
    let of_measure = samples.iter().filter(|sample| sample.measure == measure);
    distinct(of_measure.map(|sample| sample.server.as_str()))
}

/// Each word once, in the order of their first occurrence.
fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in words {
        if !found.iter().any(|known| known == word) {
            found.push(word.to_owned());
        }
    }
    found
}

fn measure_table(samples: &[Sample], measures: &[String], metrics: &[&str]) -> Table {
    let heads: Vec<_> = metrics.iter().map(|metric| metric.replace('_', " ")).collect();
    let mut head = vec!["measure", "server", "per second", "least..largest", "runs"];
    head.extend(heads.iter().map(String::as_str).chain(["cores"]));
    let mut table = Table::new(&head);
    for measure in measures {
        for server in servers(samples, measure) {
            table.add(measure_row(samples, measure, &server, metrics));
        }
    }
    table
}

fn measure_row(samples: &[Sample], measure: &str, server: &str, metrics: &[&str]) -> Vec<String> {
    let all = |metric: &str| values(samples, measure, server, metric);
    let middle = |metric: &str| median(&all(metric));
    let rates = all("per_second");
    let (least, largest) = rates.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), rate| (a.min(*rate), b.max(*rate)));
    let is_disturbed = all("other_cores").iter().any(|cores| *cores > DISTURBING_CORES);
    let cores = ["server_cores", "client_cores", "other_cores"];
    let mut row = vec![
        title(measure),
        format!("{server}{}", if is_disturbed { " ~" } else { "" }),
        middle("per_second").map(number).unwrap_or_default(),
        format!("{}..{}", number(least), number(largest)),
        rates.len().to_string(),
    ];
    row.extend(metrics.iter().map(|metric| middle(metric).map(number).unwrap_or_default()));
    row.push(cores.map(|name| format!("{:.1}", middle(name).unwrap_or_default())).join(" + "));
    row
}

fn value(sample: &Sample, metric: &str) -> f64 {
    sample.values.get(metric).copied().unwrap_or_default()
}

/// `store ct 4` as `C-STORE ct × 4`.
fn title(measure: &str) -> String {
    let mut words = measure.splitn(3, ' ');
    let door = words.next().unwrap_or_default();
    let door = match door {
        "store" => "C-STORE",
        "stow" => "STOW",
        "qido" => "QIDO",
        "wado" => "WADO",
        other => other,
    };
    let (what, at_once) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    format!("{door} {what} × {at_once}")
}

/// Three digits that count.
pub fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(measure: &str, server: &str, per_second: f64, other_cores: f64) -> Sample {
        let values = [("per_second", per_second), ("other_cores", other_cores), ("cpu_ms_each", 2.0)];
        let values = values.map(|(name, value)| (name.to_owned(), value)).into();
        Sample { measure: measure.to_owned(), server: server.to_owned(), round: 1, values }
    }

    fn target(text: &str) -> Target {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_report_says_what_is_reached_missed_and_not_measured() {
        let samples = [
            sample("store ct 4", "lightbox", 700.0, 0.0),
            sample("store ct 4", "orthanc", 290.0, 0.0),
            sample("store ct 4", "lightbox", 900.0, 0.5),
            sample("store ct 4", "orthanc", 310.0, 0.0),
        ];
        let targets = [
            target(
                "metric = 'per_second'\nagainst = 'orthanc'\nat_least = 2.5\nmeasures = ['store ct 4', 'store ct 1']",
            ),
            target("metric = 'cpu_ms_each'\nat_most = 1.5\nmeasures = ['store ct 4']"),
        ];
        let setting = Setting { machine: "2 cores", date: "today", command: "x", versions: &[], corpora: "small" };
        let report = archive(&setting, &samples, &targets).unwrap();
        for line in [
            "| C-STORE ct × 4 | per second | 800 | 300 (orthanc) | 2.67 | ≥ 2.5 | ✓ |",
            "| C-STORE ct × 1 | per second |  |  |  | ≥ 2.5 | not measured |",
            "| C-STORE ct × 4 | cpu ms each | 2.00 |  |  | ≤ 1.5 | ✗ |",
            "| C-STORE ct × 4 | lightbox ~ | 800 | 700..900 | 2 | 2.00 |  |  | 0.0 + 0.0 + 0.2 |",
            "| C-STORE ct × 4 | orthanc | 300 | 290..310 | 2 | 2.00 |  |  | 0.0 + 0.0 + 0.0 |",
        ] {
            assert!(report.lines().any(|found| found == line), "{line}\n{report}");
        }
        assert!(report.contains("4 measurements, 1 of them disturbed"));
        assert!(!report.contains("## QIDO"));
    }
}
