//! Words that may not stand where they stand: I/O in a pure room, paths of one machine, patients in a log line;
//! and words that must stand: what a file is for.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::sources::Source;
use super::{Banned, Problem};

/// A Rust file of fewer lines is obvious without a head.
const HEADLESS_LINES_MAX: usize = 30;
/// The macros of `tracing`, as they are called.
const LOG_MACROS: [&str; 7] = ["trace", "debug", "info", "warn", "error", "event", "span"];
/// What identifies a patient, in the ways our code and DICOM's keywords spell it.
const PATIENT_WORDS: [&str; 8] = [
    "patient_name",
    "patient_id",
    "patient_birth_date",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "accession_number",
    "AccessionNumber",
];

/// Every line of a room's code, comments and tests apart, with a word that the room must not use.
pub fn check_banned(rules: &[Banned], sources: &[Source]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for rule in rules {
        let room = format!("{}/", rule.room);
        for source in sources.iter().filter(|source| source.path.starts_with(&room) && source.has_extension(&["rs"])) {
            for (line, text) in (1..).zip(source.lines_without_tests()) {
                let word = rule.words.iter().find(|word| !is_comment(text) && text.contains(word.as_str()));
                problems
                    .extend(word.map(|word| Problem::new(&source.path, line, format!("`{word}`: {}", rule.because))));
            }
        }
    }
    problems
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// Every line with an absolute path that exists on somebody's machine only.
pub fn check_machine_paths(sources: &[Source]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for source in sources {
        let lines = (1..).zip(source.text.lines()).filter(|(_, text)| has_machine_path(text));
        problems.extend(lines.map(|(line, _)| Problem::new(&source.path, line, "holds a path of one machine")));
    }
    problems
}

fn has_machine_path(line: &str) -> bool {
    // Put together, so that this file passes its own check.
    let private = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/")];
    private.iter().any(|folder| {
        line.match_indices(folder).any(|(at, _)| {
            let starts_a_path = !line[..at].ends_with(|c: char| c.is_alphanumeric() || "/.-_~}".contains(c));
            let goes_on = line[at + folder.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '.');
            starts_a_path && goes_on
        })
    })
}

/// Every Rust file of ours that does not say at its head what it is for, unless it is obvious, as that of a test named
/// like what it tests.
pub fn check_heads(sources: &[Source]) -> Vec<Problem> {
    let rust = sources.iter().filter(|source| source.has_extension(&["rs"]) && !source.is_test());
    let headless =
        rust.filter(|source| source.text.lines().count() >= HEADLESS_LINES_MAX && !source.text.starts_with("//!"));
    headless.map(|source| Problem::new(&source.path, 1, "begins without `//!`: say what the file is for")).collect()
}

/// Every log line that speaks of a patient.
pub fn check_logs(sources: &[Source]) -> Vec<Problem> {
    let rust = sources.iter().filter(|source| source.has_extension(&["rs"]));
    rust.filter_map(|source| Some((source, syn::parse_file(&source.text).ok()?)))
        .flat_map(|(source, file)| {
            let mut logs = Logs { path: &source.path, problems: Vec::new() };
            logs.visit_file(&file);
            logs.problems
        })
        .collect()
}

struct Logs<'a> {
    path: &'a str,
    problems: Vec<Problem>,
}

impl<'ast> Visit<'ast> for Logs<'_> {
    fn visit_macro(&mut self, node: &'ast syn::Macro) {
        let name = node.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        let is_log = LOG_MACROS.iter().any(|log| name == *log || name.strip_suffix("_span") == Some(log));
        if is_log && let Some(word) = patient_word(node.tokens.clone()) {
            let line = node.path.span().start().line;
            self.problems.push(Problem::new(self.path, line, format!("`{word}` in a log line: no patient in the log")));
        }
        visit::visit_macro(self, node);
    }
}

/// The first word for a patient among these tokens, inside their groups and their texts too.
fn patient_word(tokens: TokenStream) -> Option<&'static str> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Group(group) => patient_word(group.stream()),
        token => {
            let text = token.to_string();
            PATIENT_WORDS.into_iter().find(|word| text.contains(word))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> [Source; 1] {
        [Source { path: path.to_owned(), text: text.to_owned() }]
    }

    #[test]
    fn a_banned_word_is_found_in_code_only() {
        let rule = [Banned { room: "crates/domain/src".into(), words: vec!["std::fs".into()], because: "pure".into() }];
        let check = |path, text, expected: &[usize]| {
            let found: Vec<_> = check_banned(&rule, &source(path, text)).iter().map(|problem| problem.line).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("crates/domain/src/a.rs", "mod b;\nuse std::fs;\n", &[2]);
        check("crates/domain/src/a.rs", "// not std::fs\n#[cfg(test)]\nuse std::fs;\n", &[]);
        check("crates/domain2/src/a.rs", "use std::fs;\n", &[]);
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        let check = |text: &str, expected| assert_eq!(has_machine_path(text), expected, "{text}");
        check(concat!("see \"/ro", "ot/.cache\""), true);
        check(concat!("cd /wo", "rk/main"), true);
        check(concat!("PATH=/ho", "me/ann/bin"), true);
        check(concat!("https://example.org/wo", "rk/in-progress"), false);
        check(concat!("$HOME/wo", "rk/x and ~/ro", "ot/x"), false);
        check(concat!("`/ho", "me/` is where people live"), false);
        assert_eq!(check_machine_paths(&source("a.md", concat!("one\n/ro", "ot/two\n")))[0].line, 2);
    }

    #[test]
    fn a_long_file_without_a_head_is_found() {
        let check = |text: String, expected| assert_eq!(check_heads(&source("a.rs", &text)).len(), expected);
        check("use a;\n".repeat(30), 1);
        check("use a;\n".repeat(29), 0);
        assert_eq!(check_heads(&source("a/tests/it/b.rs", &"use a;\n".repeat(30))).len(), 0);
        check(format!("//! Is for this.\n{}", "use a;\n".repeat(30)), 0);
    }

    #[test]
    fn a_patient_in_a_log_line_is_found() {
        let check = |statement: &str, expected| {
            let text = format!("fn f() {{\n{statement};\n}}");
            let lines: Vec<_> = check_logs(&source("a.rs", &text)).iter().map(|problem| problem.line).collect();
            assert_eq!(lines, expected, "{statement}");
        };
        check("info!(patient.id = %study.patient_id, \"stored\")", vec![2]);
        check("tracing::warn!(\"no such study {patient_name}\")", vec![2]);
        check("let span = tracing::info_span!(\"run\", name = (tags::PatientName))", vec![2]);
        check("if true { error!(id = f(patient_id)) }", vec![2]);
        check("info!(run.id = %id, \"finished run\")", vec![]);
        check("println!(\"{patient_name}\")", vec![]);
    }
}
