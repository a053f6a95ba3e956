//! What goes to standard output: text for people or JSON for programs.

use serde::Serialize;
use std::io::Write;

/// How a command answers.
pub struct Output {
    json: bool,
}

impl Output {
    /// JSON if asked for, else text.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a program reads.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints the value as one line of JSON, or the text.
    pub fn print(&self, value: &impl Serialize, text: impl FnOnce() -> String) {
        match self.json {
            true => self.line(&serde_json::to_string(value).unwrap_or_default()),
            false => self.line(&text()),
        }
    }

    /// Prints a line, at once. A reader that has gone away is no error.
    pub fn line(&self, line: &str) {
        let mut stdout = std::io::stdout().lock();
        let _ = writeln!(stdout, "{line}");
        let _ = stdout.flush();
    }
}

/// Lines of columns, padded to the widest cell.
pub fn columns(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|&name| name.to_owned()).collect();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = std::iter::once(&head).chain(rows).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    std::iter::once(&head).chain(rows).map(line).collect::<Vec<_>>().join("\n")
}
