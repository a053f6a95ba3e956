//! Which crate may depend on which: read from the `Cargo.toml` of each.

use toml::{Table, Value};

use super::sources::Source;
use super::{Problem, Rules};

/// A crate that only tests may know.
const TEST_CRATE: &str = "testkit";

/// Every dependency of a crate of ours that the rules do not allow, and every crate that the rules forgot.
pub fn check(rules: &Rules, sources: &[Source]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for source in sources {
        let Some(name) = crate_folder(&source.path) else { continue };
        found.push(name);
        match source.text.parse::<Table>() {
            Ok(manifest) => problems.extend(check_manifest(rules, name, &source.path, &manifest)),
            Err(error) => problems.push(Problem::new(&source.path, 0, error.to_string())),
        }
    }
    let gone = rules.edges.keys().filter(|name| !found.contains(&name.as_str()));
    problems
        .extend(gone.map(|name| Problem::new("xtask/tidy.toml", 0, format!("there is no crate {name}: remove it"))));
    problems
}

/// `domain` for `crates/domain/Cargo.toml`.
fn crate_folder(path: &str) -> Option<&str> {
    let folder = path.strip_suffix("/Cargo.toml")?;
    folder.strip_prefix("crates/").or((folder == "xtask").then_some("xtask"))
}

fn check_manifest(rules: &Rules, name: &str, path: &str, manifest: &Table) -> Vec<Problem> {
    let Some(allowed) = rules.edges.get(name) else {
        return vec![Problem::new(path, 0, format!("add {name} to [edges] in xtask/tidy.toml: what may it know?"))];
    };
    let mut problems = Vec::new();
    for (dependency, is_for_tests) in dependencies(manifest) {
        if let Some(ours) = dependency.strip_prefix("lightbox-") {
            let is_allowed = allowed.iter().any(|name| name == ours) || (is_for_tests && ours == TEST_CRATE);
            if !is_allowed {
                problems.push(Problem::new(path, 0, format!("{name} may not depend on {ours}")));
            }
        }
        if let Some(homes) = rules.confined.get(dependency)
            && !homes.iter().any(|home| home == name)
        {
            problems.push(Problem::new(path, 0, format!("only {} may depend on {dependency}", homes.join(", "))));
        }
    }
    problems
}

/// The names of all dependencies, for any target, and whether only tests have them.
fn dependencies(manifest: &Table) -> Vec<(&str, bool)> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let per_target = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    let mut names = Vec::new();
    for table in std::iter::once(manifest).chain(per_target) {
        for (section, is_for_tests) in
            [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)]
        {
            let section = table.get(section).and_then(Value::as_table);
            names.extend(section.into_iter().flatten().map(|(key, value)| (package(key, value), is_for_tests)));
        }
    }
    names
}

/// A dependency may be renamed: `key = { package = "name" }`.
fn package<'a>(key: &'a str, value: &'a Value) -> &'a str {
    value.get("package").and_then(Value::as_str).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, manifest: &str) -> Vec<String> {
        let rules = r#"
            banned = []
            edges = { domain = [], store = ["domain"] }
            confined = { sqlx = ["store"] }
            lengths = { file_lines_max = 1, function_lines_max = 1, longer_files = {}, longer_functions = {} }"#;
        let mut sources: Vec<_> = ["crates/domain/Cargo.toml", "crates/store/Cargo.toml"]
            .map(|path| Source { path: path.to_owned(), text: String::new() })
            .into();
        sources.retain(|source| source.path != path);
        sources.push(Source { path: path.to_owned(), text: manifest.to_owned() });
        check(&toml::from_str(rules).unwrap(), &sources).into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn allowed_edges_and_homes_pass() {
        let manifest =
            "dependencies = { sqlx = '1', lightbox-domain = {} }\ndev-dependencies = { lightbox-testkit = {} }";
        assert_eq!(problems("crates/store/Cargo.toml", manifest), [""; 0]);
    }

    #[test]
    fn a_new_edge_is_a_problem() {
        let check =
            |manifest| assert_eq!(problems("crates/domain/Cargo.toml", manifest), ["domain may not depend on store"]);
        check("dependencies.lightbox-store.workspace = true");
        check("dev-dependencies.lightbox-store.workspace = true");
        check("dependencies.storage = { package = 'lightbox-store' }");
        check("target.'cfg(unix)'.dependencies.lightbox-store = {}");
    }

    #[test]
    fn the_test_crate_is_for_tests() {
        let found = problems("crates/store/Cargo.toml", "dependencies.lightbox-testkit = {}");
        assert_eq!(found, ["store may not depend on testkit"]);
    }

    #[test]
    fn a_confined_dependency_elsewhere_is_a_problem() {
        let found = problems("crates/domain/Cargo.toml", "dev-dependencies.sqlx = '1'");
        assert_eq!(found, ["only store may depend on sqlx"]);
    }

    #[test]
    fn the_table_names_exactly_the_crates_there_are() {
        let found = problems("crates/new/Cargo.toml", "");
        assert_eq!(found, ["add new to [edges] in xtask/tidy.toml: what may it know?"]);
        let rules = "banned = []\nedges = { gone = [] }\nconfined = {}\n\
            lengths = { file_lines_max = 1, function_lines_max = 1, longer_files = {}, longer_functions = {} }";
        assert_eq!(check(&toml::from_str(rules).unwrap(), &[])[0].message, "there is no crate gone: remove it");
    }
}
