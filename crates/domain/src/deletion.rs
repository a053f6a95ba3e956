//! What is deleted: hidden at once, brought back by whoever undoes it, gone after its purge.

use crate::Uid;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What of a study is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeletedPart {
    /// All that is stored of it now.
    Study,
    /// One series.
    Series(Uid),
    /// These instances.
    Instances(Vec<Uid>),
}

/// Why something is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionCause {
    /// A person asked for it.
    Person,
    /// A rejection note did (IHE IOCM).
    Rejection,
    /// A rule of the site did.
    Rule,
}

impl DeletionCause {
    /// The cause's name in the store and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Rejection => "rejection",
            Self::Rule => "rule",
        }
    }

    /// The cause of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Person, Self::Rejection, Self::Rule].into_iter().find(|one| one.as_str() == name)
    }
}

/// An order to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionOrder {
    /// The study.
    pub study_instance_uid: Uid,
    /// What of it.
    pub part: DeletedPart,
    /// What led to it.
    pub cause: DeletionCause,
    /// Why, in words.
    pub reason: String,
    /// Who ordered it, as the log names them.
    pub deleted_by: String,
    /// When the bytes are removed, in milliseconds since 1970; `None` for never.
    pub purge_ms: Option<i64>,
    /// Whether what is sent again comes back; else it is taken, but stays hidden.
    pub returns: bool,
}

/// What a rejection note of one title does.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// The title's code value, in the scheme DCM.
    #[serde(skip)]
    pub code: String,
    /// Its meaning.
    pub meaning: String,
    /// Whether the bytes are removed after a while.
    pub purge: bool,
    /// Whether what is sent again comes back.
    pub returns: bool,
}

impl Rejection {
    /// The rejection whose title has this code value of the scheme DCM.
    #[must_use]
    pub fn of_code(code: &str) -> Option<&'static Self> {
        REJECTIONS.iter().find(|one| one.code == code)
    }
}

static REJECTIONS: LazyLock<Vec<Rejection>> = LazyLock::new(|| {
    // A table of the program itself: a test reads all of it.
    let rows: BTreeMap<String, Rejection> = toml::from_str(include_str!("../data/rejections.toml")).unwrap_or_default();
    rows.into_iter().map(|(code, row)| Rejection { code, ..row }).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_four_titles_of_iocm() {
        let codes: Vec<_> = REJECTIONS.iter().map(|one| (one.code.as_str(), one.purge, one.returns)).collect();
        let hidden = |code| (code, false, false);
        assert_eq!(codes, [hidden("113001"), hidden("113037"), hidden("113038"), ("113039", true, true)]);
        assert_eq!(Rejection::of_code("113000"), None, "a title of another kind, Of Interest");
    }
}
