//! What a file of a package is for, by `data/roles.toml`.

use std::sync::LazyLock;

/// One line of the table.
#[derive(serde::Deserialize)]
pub(crate) struct Role {
    pub name: String,
    pub media_type: String,
    paths: Vec<String>,
}

/// Name of the role of models.
pub(crate) const MODEL: &str = "model";
/// Name of the role of the list of components.
pub(crate) const SBOM: &str = "sbom";

#[derive(serde::Deserialize)]
struct Table {
    role: Vec<Role>,
}

static ROLES: LazyLock<Vec<Role>> = LazyLock::new(|| {
    let table: Table = toml::from_str(include_str!("../data/roles.toml")).expect("roles.toml is a table of roles");
    table.role
});

/// The role of the file at this path.
pub(crate) fn of_path(path: &str) -> &'static Role {
    let path = path.to_ascii_lowercase();
    let fits = |role: &&Role| role.paths.iter().any(|pattern| matches(pattern, &path));
    ROLES.iter().find(fits).expect("the last role of roles.toml fits every path")
}

/// The name of the role with this media type; what others pack may have one that we do not know.
pub(crate) fn name_of(media_type: &str) -> &'static str {
    ROLES.iter().find(|role| role.media_type == media_type).map_or("other", |role| role.name.as_str())
}

fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(end) => path.ends_with(end),
        None if pattern.ends_with('/') => path.starts_with(pattern),
        None => path == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_its_role() {
        let check = |path: &str, expected: &str| {
            let role = of_path(path);
            assert_eq!(role.name, expected, "{path}");
            assert_eq!(name_of(&role.media_type), expected, "{path}");
        };
        check("app.toml", "description");
        check("model.onnx", "model");
        check("parts/second.onnx", "model");
        check("model.onnx.data", "model");
        check("MODEL_CARD.md", "model-card");
        check("model-card.xml", "model-card");
        check("golden/1/app.toml", "golden");
        check("golden.json", "golden");
        check("LICENSE", "licence");
        check("sbom.cdx.json", "sbom");
        check("README.md", "readme");
        check("labels.txt", "other");
    }
}
