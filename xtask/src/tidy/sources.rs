//! The text files of the checkout that git knows or would take.

use std::path::Path;

use anyhow::Result;

use crate::step;
use crate::workspace::Workspace;

/// One text file.
pub struct Source {
    /// Relative to the checkout, with `/`.
    pub path: String,
    pub text: String,
}

impl Source {
    /// Whether the file's name ends in one of these, given without the dot.
    pub fn has_extension(&self, extensions: &[&str]) -> bool {
        let extension = Path::new(&self.path).extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension))
    }

    /// Whether the file holds tests and nothing else.
    pub fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "e2e")
    }

    /// The lines before the tests at the end of a Rust file; all lines of any other.
    pub fn lines_without_tests(&self) -> impl Iterator<Item = &str> {
        let is_rust = self.has_extension(&["rs"]);
        self.text.lines().take_while(move |line| !(is_rust && *line == "#[cfg(test)]"))
    }
}

/// Every text file that is tracked, or new and not ignored.
pub fn list(workspace: &Workspace) -> Result<Vec<Source>> {
    let mut git = workspace.command("git");
    let listed =
        step::output(git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]))?;
    let read = |path: &str| {
        let bytes = std::fs::read(workspace.root.join(path)).ok()?;
        Some(Source { path: path.to_owned(), text: String::from_utf8(bytes).ok()? })
    };
    Ok(listed.split('\0').filter(|path| !path.is_empty()).filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_at_the_end_of_a_rust_file_are_left_out() {
        let count = |path: &str| {
            let text = "fn a() {}\n#[cfg(test)]\nmod tests {}\n".to_owned();
            Source { path: path.to_owned(), text }.lines_without_tests().count()
        };
        assert_eq!(count("a.rs"), 1);
        assert_eq!(count("a.md"), 3);
    }

    #[test]
    fn the_checkout_is_found_without_what_is_ignored() {
        let sources = list(&Workspace::find().unwrap()).unwrap();
        assert!(sources.iter().any(|source| source.path == "xtask/src/tidy/sources.rs"));
        assert!(!sources.iter().any(|source| source.path.contains("node_modules/")));
    }
}
