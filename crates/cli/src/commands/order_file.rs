//! Orders in a CSV file (RFC 4180): the first line names the fields, each further one is an order.

use lightbox_domain::{OrderContent, OrderError, order_name};
use lightbox_store::NewOrder;
use std::io::Read;
use std::path::Path;

/// The most lines of one file.
const LINES_MAX: usize = 1_000_000;

/// A line of the file.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// An order.
    Order(Box<NewOrder>),
    /// None, and why.
    Refused {
        /// The line's number; the first line of the file is 1.
        number: u64,
        /// What is wrong, without the values.
        why: String,
    },
}

/// The lines of a file.
///
/// # Errors
/// When it cannot be read, or its first line names what is no field.
pub fn read(path: &Path, source: &str) -> anyhow::Result<Vec<Line>> {
    lines(std::fs::File::open(path)?, source)
}

fn lines(file: impl Read, source: &str) -> anyhow::Result<Vec<Line>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let fields: Vec<String> =
        reader.headers()?.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
    check_fields(&fields)?;
    let mut lines = Vec::new();
    for record in reader.records() {
        anyhow::ensure!(lines.len() < LINES_MAX, "it has more than {LINES_MAX} lines: divide it");
        lines.push(match record {
            Ok(record) => {
                let number = record.position().map_or(0, csv::Position::line);
                let order = order(&fields, record.iter(), source);
                order.map_or_else(
                    |error| Line::Refused { number, why: error.to_string() },
                    |order| Line::Order(Box::new(order)),
                )
            }
            Err(error) => refused(&error)?,
        });
    }
    Ok(lines)
}

fn check_fields(fields: &[String]) -> anyhow::Result<()> {
    for field in fields.iter().filter(|field| *field != "number") {
        anyhow::ensure!(
            OrderContent::names().any(|name| name == field),
            "its first line names a field that no order has; these are known: number, {}",
            OrderContent::names().collect::<Vec<_>>().join(", ")
        );
    }
    for needed in ["number", "patient_id"] {
        anyhow::ensure!(fields.iter().any(|field| field == needed), "its first line does not name the field {needed}");
    }
    Ok(())
}

fn order<'a>(fields: &[String], values: impl Iterator<Item = &'a str>, source: &str) -> Result<NewOrder, OrderError> {
    let (mut number, mut content) = (String::new(), OrderContent::default());
    for (field, value) in fields.iter().zip(values) {
        match field.as_str() {
            "number" => number = order_name("number", value)?,
            field => content.set(field, value)?,
        }
    }
    Ok(NewOrder { source: source.to_owned(), number, content: content.checked()? })
}

/// A line that is no CSV, or an error of the whole file.
fn refused(error: &csv::Error) -> anyhow::Result<Line> {
    let number = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            Ok(Line::Refused { number, why: format!("it has {len} values, the first line has {expected_len}") })
        }
        csv::ErrorKind::Utf8 { .. } => Ok(Line::Refused { number, why: "it is not in UTF-8".to_owned() }),
        _ => anyhow::bail!("it is no CSV"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_an_order_or_says_why_not() {
        let file = "\u{feff}number,patient_id,patient_name,scheduled_date\n\
                    1,P1,\"Doe^Jane\",2026-11-22\n\
                    2,,Roe^John,\n\
                    3,P3\n\
                    4,P4,Poe^Edgar,tomorrow\n\
                    ,P5,Foe^Jim,\n";
        let lines = lines(file.as_bytes(), "RIS").unwrap();
        let told = lines.iter().map(|line| match line {
            Line::Order(order) => format!("{} {}", order.number, order.content.get("scheduled_date")),
            Line::Refused { number, why } => format!("line {number}: {why}"),
        });
        let expected = [
            "1 20261122",
            "line 3: patient_id is missing",
            "line 4: it has 2 values, the first line has 4",
            "line 5: scheduled_date is not valid: a date, YYYYMMDD",
            "line 6: number is missing",
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_first_line_names_known_fields() {
        for (file, told) in [
            ("number,colour,patient_id\n", "a field that no order has"),
            ("patient_id\n", "does not name the field number"),
        ] {
            let error = lines(file.as_bytes(), "RIS").unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("colour"), "{error}");
        }
    }
}
