//! A table of words for people to read: columns as wide as their widest cell.

use std::fmt;

/// A head and rows. A row that is shorter than the head ends in a cell that runs on to the right.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column heads.
    pub fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|word| (*word).to_owned()).collect()] }
    }

    /// One more row.
    pub fn add(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// The table in Markdown.
    pub fn markdown(&self) -> String {
        let mut lines: Vec<_> = self.rows.iter().map(|row| format!("| {} |\n", row.join(" | "))).collect();
        lines.insert(1, format!("|{}\n", "---|".repeat(self.rows[0].len())));
        lines.concat()
    }

    fn width(&self, column: usize) -> usize {
        let columns = self.rows[0].len();
        let cells = self.rows.iter().filter(|row| row.len() == columns || column + 1 < row.len());
        cells.map(|row| row[column].chars().count()).max().unwrap_or_default()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<_> = (0..self.rows[0].len()).map(|column| self.width(column)).collect();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_has_a_rule_below_the_head() {
        let mut table = Table::new(&["a", "b"]);
        table.add(vec!["1".into(), "2".into()]);
        assert_eq!(table.markdown(), "| a | b |\n|---|---|\n| 1 | 2 |\n");
    }

    #[test]
    fn columns_are_aligned_and_a_short_row_runs_on() {
        let mut table = Table::new(&["a", "bb", "c"]);
        table.add(vec!["1".into(), "…".into(), "3".into()]);
        table.add(vec!["long".into(), "a reason that is longer".into()]);
        assert_eq!(table.to_string(), "a     bb  c\n1     …   3\nlong  a reason that is longer\n");
    }
}
