//! `lightbox conformance`: the DICOM Conformance Statement.

use crate::conformance::{Statement, markdown};
use crate::output::Output;
use std::process::ExitCode;

/// Prints it: as Markdown, or all that it tells as JSON.
pub fn execute(output: &Output) -> ExitCode {
    let statement = Statement::new();
    output.print(&statement, || markdown(&statement).trim_end().to_owned());
    ExitCode::SUCCESS
}
