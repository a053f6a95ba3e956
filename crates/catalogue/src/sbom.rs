//! The list of components of a package whose vendor wrote none: CycloneDX 1.6 of what can be known from the files. It has
//! neither serial number nor time, so that the same files give the same list.

use crate::PackageInfo;
use crate::blob::Blob;
use crate::role;
use serde_json::{Value, json};

/// Name of the list in a package.
pub(crate) const SBOM_FILE: &str = "sbom.cdx.json";

/// The list for an app and its files: the app, and each file of a model with its digest.
pub(crate) fn write(info: &PackageInfo, files: &[Blob]) -> Vec<u8> {
    let models: Vec<_> = files.iter().filter(|file| role::of_path(&file.name).name == role::MODEL).collect();
    let depends_on: Vec<_> = models.iter().map(|model| reference(model)).collect();
    let sbom = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": app(info) },
        "components": models.iter().map(|model| component(info, model)).collect::<Vec<_>>(),
        "dependencies": [{ "ref": "app", "dependsOn": depends_on }],
    });
    let mut text = serde_json::to_vec_pretty(&sbom).expect("a JSON value becomes text");
    text.push(b'\n');
    text
}

fn app(info: &PackageInfo) -> Value {
    let mut app = json!({
        "type": "application",
        "bom-ref": "app",
        "publisher": info.vendor,
        "name": info.id,
        "version": info.release,
    });
    if !info.summary.is_empty() {
        app["description"] = json!(info.summary);
    }
    set_licence(&mut app, info);
    app
}

fn component(info: &PackageInfo, model: &Blob) -> Value {
    let mut component = json!({
        "type": "machine-learning-model",
        "bom-ref": reference(model),
        "name": model.name,
        "version": info.release,
        "hashes": [{ "alg": "SHA-256", "content": model.digest.hex() }],
    });
    set_licence(&mut component, info);
    component
}

fn reference(model: &Blob) -> String {
    format!("file:{}", model.name)
}

fn set_licence(component: &mut Value, info: &PackageInfo) {
    if let Some(licence) = &info.licence {
        let is_spdx = is_expression(licence);
        let choice = if is_spdx { json!({ "expression": licence }) } else { json!({ "license": { "name": licence } }) };
        component["licenses"] = json!([choice]);
    }
}

/// Whether a text has the form of an SPDX expression: identifiers, and operators between them.
fn is_expression(text: &str) -> bool {
    let is_identifier =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || ".-+".contains(c));
    let words: Vec<_> = text.split(' ').map(|word| word.trim_matches(['(', ')'])).collect();
    let is_fit = |(place, word): (usize, &&str)| match place % 2 {
        0 => is_identifier(word),
        _ => matches!(*word, "AND" | "OR" | "WITH"),
    };
    words.len() % 2 == 1 && words.iter().enumerate().all(is_fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_told_from_sentences() {
        for text in ["MIT", "Apache-2.0 WITH LLVM-exception", "(MIT OR Apache-2.0) AND BSD-3-Clause"] {
            assert!(is_expression(text), "{text}");
        }
        for text in ["", "none stated", "See LICENSE file", "MIT OR"] {
            assert!(!is_expression(text), "{text}");
        }
    }
}
