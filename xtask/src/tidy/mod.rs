//! Holds the tree to what the design promises, as far as a text can show it. The rules are data, in `xtask/tidy.toml`;
//! each check is one module with one public function from sources to problems.

mod edges;
mod lengths;
mod sources;
mod words;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace::Workspace;
use sources::Source;

/// `xtask/tidy.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    /// Crate → the crates of ours that it may know.
    edges: BTreeMap<String, Vec<String>>,
    /// Dependency → the crates that may name it.
    confined: BTreeMap<String, Vec<String>>,
    banned: Vec<Banned>,
    lengths: Lengths,
}

/// Words that do not occur in a room's code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Banned {
    room: String,
    words: Vec<String>,
    because: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lengths {
    file_lines_max: usize,
    function_lines_max: usize,
    longer_files: BTreeMap<String, usize>,
    longer_functions: BTreeMap<String, usize>,
}

/// One place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    path: String,
    /// 0 if the file as a whole is meant.
    line: usize,
    message: String,
}

impl Problem {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// Prints every problem, or one line if there is none. Fails if there is one.
pub fn run(workspace: &Workspace) -> Result<()> {
    let rules =
        std::fs::read_to_string(workspace.root.join("xtask/tidy.toml")).context("cannot read xtask/tidy.toml")?;
    let rules: Rules = toml::from_str(&rules).context("cannot understand xtask/tidy.toml")?;
    let sources = sources::list(workspace)?;
    let problems = check(&rules, &sources);
    if problems.is_empty() {
        println!("tidy: {} files are as the rules say", sources.len());
        return Ok(());
    }
    problems.iter().for_each(|problem| println!("{problem}"));
    bail!("{} untidy places", problems.len());
}

fn check(rules: &Rules, sources: &[Source]) -> Vec<Problem> {
    let mut problems = edges::check(rules, sources);
    problems.extend(words::check_banned(&rules.banned, sources));
    problems.extend(words::check_machine_paths(sources));
    problems.extend(words::check_heads(sources));
    problems.extend(words::check_logs(sources));
    problems.extend(lengths::check(&rules.lengths, sources));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_the_tree_are_understood_and_an_unknown_key_is_not() {
        let rules = include_str!("../../tidy.toml");
        toml::from_str::<Rules>(rules).unwrap();
        assert!(toml::from_str::<Rules>(&format!("unknown = 1\n{rules}")).is_err());
    }

    #[test]
    fn a_problem_reads_as_a_place_and_a_reason() {
        assert_eq!(Problem::new("a.rs", 3, "is wrong").to_string(), "a.rs:3: is wrong");
        assert_eq!(Problem::new("a.rs", 0, "is wrong").to_string(), "a.rs: is wrong");
    }
}
