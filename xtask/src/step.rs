//! Runs commands and tells how they went: one line a step, and the command's own words only when they matter.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A step that is done sooner says nothing but its own line.
const QUIET: Duration = Duration::from_millis(1500);

/// Runs one step of set-up: `setup: NAME … ok (0.1 s)`. What the command says is shown, indented, once it has taken
/// longer than a moment or has failed.
pub fn quietly(name: &str, command: &mut Command) -> Result<()> {
    let started = Instant::now();
    print!("setup: {name} … ");
    io::stdout().flush()?;
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("cannot start {}", shown(command)))?;
    // The command holds the pipe's writing ends; the reader would never see its end otherwise.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let mut output = Output::new(started);
    for line in BufReader::new(reader).split(b'\n') {
        output.take(&String::from_utf8_lossy(&line?));
    }
    let status = child.wait()?;
    if !status.success() {
        output.show();
        bail!("setup of {name} failed ({status}): {}", shown(command));
    }
    let again = if output.shown { format!("setup: {name} … ") } else { String::new() };
    println!("{again}ok ({})", seconds(started.elapsed()));
    Ok(())
}

/// What a command has said so far, kept back until it is worth showing.
struct Output {
    started: Instant,
    kept: Vec<String>,
    shown: bool,
}

impl Output {
    fn new(started: Instant) -> Self {
        Self { started, kept: Vec::new(), shown: false }
    }

    fn take(&mut self, line: &str) {
        self.kept.push(line.trim_end().to_owned());
        if self.started.elapsed() > QUIET {
            self.show();
        }
    }

    fn show(&mut self) {
        if !self.shown {
            println!();
            self.shown = true;
        }
        for line in self.kept.drain(..) {
            println!("    {line}");
        }
    }
}

/// Runs a command whose output goes to the terminal as it comes. An error names the command.
pub fn loudly(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("failed ({status}): {}", shown(command));
    }
    Ok(())
}

/// Runs a command and gives what it wrote to stdout, without the last line's end. An error shows what it wrote to stderr.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        bail!("failed ({}): {}\n{}", output.status, shown(command), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout).context("output is not UTF-8")?.trim_end().to_owned())
}

/// A duration as people read it: `0.1 s`, `3 min 05 s`.
pub fn seconds(duration: Duration) -> String {
    let tenths = (duration.as_millis() + 50) / 100;
    if tenths < 1000 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let seconds = (tenths + 5) / 10;
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_readable() {
        let check = |ms, expected| assert_eq!(seconds(Duration::from_millis(ms)), expected);
        check(40, "0.0 s");
        check(1_250, "1.3 s");
        check(99_900, "99.9 s");
        check(185_000, "3 min 05 s");
    }

    #[test]
    fn a_failing_step_is_an_error_that_names_its_command() {
        let error = quietly("nothing", Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(error.to_string().contains("sh -c exit 3"), "{error}");
        quietly("nothing", Command::new("sh").args(["-c", "true"])).unwrap();
    }

    #[test]
    fn output_is_trimmed_and_an_error_carries_stderr() {
        assert_eq!(output(Command::new("echo").arg("yes")).unwrap(), "yes");
        let error = output(Command::new("sh").args(["-c", "echo no >&2; exit 1"])).unwrap_err();
        assert!(error.to_string().ends_with("no"), "{error}");
    }
}
