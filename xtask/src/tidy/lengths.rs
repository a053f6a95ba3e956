//! How long files and functions are, as a ratchet: what is too long is listed with its length, which may only fall.

use std::collections::BTreeMap;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::sources::Source;
use super::{Lengths, Problem};

/// The languages whose files are measured.
const MEASURED: [&str; 5] = ["rs", "ts", "tsx", "py", "sh"];
/// Generated from the API's description.
const GENERATED: &str = "web/src/api/schema.d.ts";

/// Every file and every Rust function that is too long, and every exception that no longer holds.
pub fn check(rules: &Lengths, sources: &[Source]) -> Vec<Problem> {
    let measured = sources
        .iter()
        .filter(|source| source.has_extension(&MEASURED) && !source.is_test() && source.path != GENERATED);
    let mut files = Vec::new();
    let mut functions = Vec::new();
    for source in measured {
        files.push(Length::of_file(source));
        if source.has_extension(&["rs"]) {
            functions.extend(of_functions(source));
        }
    }
    let mut problems = check_ratchet(&files, rules.file_lines_max, &rules.longer_files);
    problems.extend(check_ratchet(&functions, rules.function_lines_max, &rules.longer_functions));
    problems
}

/// How long one thing is.
struct Length {
    /// `path` of a file, `path::name` of a function.
    name: String,
    path: String,
    line: usize,
    lines: usize,
}

impl Length {
    fn of_file(source: &Source) -> Self {
        let lines = source.lines_without_tests().count();
        Self { name: source.path.clone(), path: source.path.clone(), line: 0, lines }
    }
}

/// Of two functions of one name the longer one counts.
fn check_ratchet(lengths: &[Length], lines_max: usize, longer: &BTreeMap<String, usize>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for length in lengths {
        let allowed = longer.get(&length.name).copied().unwrap_or(lines_max);
        if length.lines > allowed {
            let message = format!("{} has {} lines, {allowed} are allowed", length.name, length.lines);
            problems.push(Problem::new(&length.path, length.line, message));
        }
    }
    for (name, allowed) in longer {
        let lines = lengths.iter().filter(|length| length.name == *name).map(|length| length.lines).max();
        let advice = match lines {
            None => "is gone: remove its exception".to_owned(),
            Some(lines) if lines <= lines_max => format!("has {lines} lines: remove its exception"),
            Some(lines) if lines < *allowed => format!("has {lines} lines: lower its exception to {lines}"),
            Some(_) => continue,
        };
        problems.push(Problem::new("xtask/tidy.toml", 0, format!("{name} {advice}")));
    }
    problems
}

/// The functions of a Rust file, its test modules apart. A file that is no Rust has none: the compiler says so better.
fn of_functions(source: &Source) -> Vec<Length> {
    let mut functions = Functions { path: &source.path, found: Vec::new() };
    if let Ok(file) = syn::parse_file(&source.text) {
        functions.visit_file(&file);
    }
    functions.found
}

struct Functions<'a> {
    path: &'a str,
    found: Vec<Length>,
}

impl Functions<'_> {
    /// From the line of `fn` to that of the closing brace.
    fn measure(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let line = signature.span().start().line;
        let lines = block.span().end().line - line + 1;
        let name = format!("{}::{}", self.path, signature.ident);
        self.found.push(Length { name, path: self.path.to_owned(), line, lines });
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_mod(&mut self, node: &'ast syn::ItemMod) {
        let is_test = node.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test")
        });
        if !is_test {
            visit::visit_item_mod(self, node);
        }
    }

    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        self.measure(&node.sig, &node.block);
        visit::visit_item_fn(self, node);
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        self.measure(&node.sig, &node.block);
        visit::visit_impl_item_fn(self, node);
    }

    fn visit_trait_item_fn(&mut self, node: &'ast syn::TraitItemFn) {
        if let Some(block) = &node.default {
            self.measure(&node.sig, block);
        }
        visit::visit_trait_item_fn(self, node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages for files of these lengths, when 3 lines are allowed and for `b.py` 5.
    fn messages(files: &[(&str, usize)]) -> Vec<String> {
        let rules = Lengths {
            file_lines_max: 3,
            function_lines_max: 70,
            longer_files: BTreeMap::from([("b.py".to_owned(), 5)]),
            longer_functions: BTreeMap::new(),
        };
        let file = |(path, lines): &(&str, usize)| Source { path: (*path).to_owned(), text: "#\n".repeat(*lines) };
        let sources: Vec<_> = files.iter().map(file).collect();
        check(&rules, &sources).into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn a_file_may_not_grow_and_an_exception_may_only_fall() {
        assert_eq!(messages(&[("a.py", 3), ("b.py", 5)]), [""; 0]);
        assert_eq!(messages(&[("a.py", 4), ("b.py", 5)]), ["a.py has 4 lines, 3 are allowed"]);
        assert_eq!(messages(&[("b.py", 6)]), ["b.py has 6 lines, 5 are allowed"]);
        assert_eq!(messages(&[("b.py", 4)]), ["b.py has 4 lines: lower its exception to 4"]);
        assert_eq!(messages(&[("b.py", 3)]), ["b.py has 3 lines: remove its exception"]);
        assert_eq!(messages(&[]), ["b.py is gone: remove its exception"]);
    }

    #[test]
    fn tests_and_other_languages_are_not_measured() {
        assert_eq!(
            messages(&[("b.py", 5), ("a/tests/it/a.rs", 9), ("e2e/a.ts", 9), ("a.json", 9), (GENERATED, 9)]),
            [""; 0]
        );
    }

    #[test]
    fn functions_are_measured_wherever_they_stand() {
        let text = "fn a() {}\nmod m {\nimpl A {\n/// Doc.\nfn b(\n) {\nfn c() {\n}\n}\n}\ntrait T {\nfn d();\nfn e() {\n}\n}\n}\n\
            #[cfg(test)]\nmod tests {\nfn f() {}\n}\n";
        let source = Source { path: "x.rs".to_owned(), text: text.to_owned() };
        let found: Vec<_> =
            of_functions(&source).into_iter().map(|length| (length.name, length.line, length.lines)).collect();
        let expected = [("x.rs::a", 1, 1), ("x.rs::b", 5, 5), ("x.rs::c", 7, 2), ("x.rs::e", 13, 2)];
        assert_eq!(found, expected.map(|(name, line, lines)| (name.to_owned(), line, lines)));
    }

    #[test]
    fn a_long_function_is_found() {
        let rules = Lengths {
            file_lines_max: 500,
            function_lines_max: 2,
            longer_files: BTreeMap::new(),
            longer_functions: BTreeMap::new(),
        };
        let source = Source { path: "x.rs".to_owned(), text: "fn a() {\nb();\n}\n".to_owned() };
        let found = check(&rules, &[source]);
        assert_eq!(found, [Problem::new("x.rs", 1, "x.rs::a has 3 lines, 2 are allowed")]);
    }
}
