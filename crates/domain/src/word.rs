//! The words by which manifests name body parts and views, and how objects say the same. The tables are
//! `data/regions.toml` and `data/views.toml`.

use crate::AttributeSource;
use serde::Deserialize;
use std::sync::LazyLock;

/// One word and its other forms.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Word {
    word: String,
    /// The word that this one is also counted as.
    #[serde(alias = "part_of", alias = "kind_of")]
    wider: Option<String>,
    /// `SCHEME:value`.
    codes: Vec<String>,
    /// Terms of the attribute that names it.
    terms: Vec<String>,
    /// Words of free text.
    texts: Vec<String>,
}

#[derive(Deserialize)]
struct Regions {
    region: Vec<Word>,
}

#[derive(Deserialize)]
struct Views {
    view: Vec<Word>,
}

static REGIONS: LazyLock<Vec<Word>> = LazyLock::new(|| {
    let table: Regions = toml::from_str(include_str!("../data/regions.toml")).expect("the table is read in tests");
    table.region
});

static VIEWS: LazyLock<Vec<Word>> = LazyLock::new(|| {
    let table: Views = toml::from_str(include_str!("../data/views.toml")).expect("the table is read in tests");
    table.view
});

/// Where an object says which body part or view it is, the most reliable first.
struct Places {
    code_sequence: &'static str,
    term: &'static str,
    texts: &'static [&'static str],
}

const REGION_PLACES: Places = Places {
    code_sequence: "AnatomicRegionSequence",
    term: "BodyPartExamined",
    texts: &["ProtocolName", "SeriesDescription", "StudyDescription"],
};

const VIEW_PLACES: Places =
    Places { code_sequence: "ViewCodeSequence", term: "ViewPosition", texts: &["SeriesDescription", "ProtocolName"] };

/// The words for body parts.
pub(crate) fn regions() -> impl Iterator<Item = &'static str> {
    REGIONS.iter().map(|word| word.word.as_str())
}

/// The words for views.
pub(crate) fn views() -> impl Iterator<Item = &'static str> {
    VIEWS.iter().map(|word| word.word.as_str())
}

/// The body part of that word.
pub(crate) fn region(word: &str) -> Option<&'static Word> {
    REGIONS.iter().find(|known| known.word == word)
}

/// The view of that word.
pub(crate) fn view(word: &str) -> Option<&'static Word> {
    VIEWS.iter().find(|known| known.word == word)
}

/// Why an object's body part is none of `wanted`, in words; `None` when it is one.
pub(crate) fn region_complaint(wanted: &[String], instance: &dyn AttributeSource) -> Option<String> {
    complaint(&REGIONS, &REGION_PLACES, wanted, instance)
}

/// Why an object's view is none of `wanted`, in words; `None` when it is one.
pub(crate) fn view_complaint(wanted: &[String], instance: &dyn AttributeSource) -> Option<String> {
    complaint(&VIEWS, &VIEW_PLACES, wanted, instance)
}

fn complaint(table: &[Word], places: &Places, wanted: &[String], instance: &dyn AttributeSource) -> Option<String> {
    if wanted.is_empty() {
        return None;
    }
    let is_wanted =
        |word: &Word| [Some(&word.word), word.wider.as_ref()].into_iter().flatten().any(|one| wanted.contains(one));
    let any = |matches: &dyn Fn(&Word) -> bool| table.iter().any(|word| is_wanted(word) && matches(word));
    let (mut terms, codes) = (instance.values(places.term), instance.codes(places.code_sequence));
    terms.retain(|term| !term.trim().is_empty());
    let coded = |word: &Word| codes.iter().any(|code| word.codes.contains(code));
    let named = |word: &Word| {
        let is_term = |term: &String| word.terms.iter().any(|known| known.eq_ignore_ascii_case(term.trim()));
        terms.iter().any(|term| is_term(term) || word.texts.iter().any(|text| says(term, text)))
    };
    if any(&|word| coded(word) || named(word)) {
        return None;
    }
    if let Some(term) = terms.first().or(codes.first()) {
        return Some(format!("{} is {term}, not {}", places.term, wanted.join(" or ")));
    }
    let texts: Vec<String> = places.texts.iter().flat_map(|keyword| instance.values(keyword)).collect();
    if any(&|word| word.texts.iter().any(|text| texts.iter().any(|said| says(said, text)))) {
        return None;
    }
    Some(format!("{} is not given, and no description says {}", places.term, wanted.join(" or ")))
}

/// Whether a text has this word, as a whole word and whatever its case.
fn says(text: &str, word: &str) -> bool {
    text.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wider_word_is_known_and_each_text_one_word_in_lower_case() {
        for table in [&*REGIONS, &*VIEWS] {
            for word in table {
                let wider = word.wider.iter().all(|wider| table.iter().any(|other| other.word == *wider));
                assert!(wider, "{word:?}");
                assert!(word.texts.iter().all(|text| says(text, text)), "{word:?}");
                assert!(word.codes.iter().all(|code| code.split_once(':').is_some()), "{word:?}");
            }
        }
    }
}
