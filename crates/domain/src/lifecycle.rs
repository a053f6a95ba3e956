//! Rules of a site for how long what is kept: the first that fits a series says what becomes of it.

use serde::Deserialize;

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// What becomes of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifecycleAction {
    /// It stays, whatever later rules say.
    Keep,
    /// Its images are kept compressed without loss, where that makes them smaller.
    Compress,
    /// It is deleted: hidden at once, purged after `purge_after_days`.
    Delete,
}

impl LifecycleAction {
    /// The action's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Compress => "compress",
            Self::Delete => "delete",
        }
    }
}

/// A rule, `[[lifecycle]]` in `lightbox.toml`. A list that is empty fits everything.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LifecycleRule {
    /// How the log and the dry run call it.
    pub name: String,
    /// `Modality`, such as `CT`.
    #[serde(default)]
    pub modality: Vec<String>,
    /// `BodyPartExamined`, such as `CHEST`.
    #[serde(default)]
    pub body_part: Vec<String>,
    /// From where it came, as the log names it, such as `peer:CT1` or `import`.
    #[serde(default)]
    pub source: Vec<String>,
    /// Days since its last instance arrived.
    #[serde(default)]
    pub older_than_days: i64,
    /// What becomes of it.
    pub action: LifecycleAction,
}

/// What rules look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesAge {
    /// `Modality`.
    pub modality: String,
    /// `BodyPartExamined`.
    pub body_part: String,
    /// From where its instances came; one of them, should they have come from several.
    pub source: String,
    /// When its last instance arrived, in milliseconds since 1970.
    pub arrived_ms: i64,
}

/// The first rule that fits a series.
#[must_use]
pub fn lifecycle_rule<'r>(rules: &'r [LifecycleRule], series: &SeriesAge, now_ms: i64) -> Option<&'r LifecycleRule> {
    let fits = |list: &[String], value: &str| list.is_empty() || list.iter().any(|one| one == value);
    rules.iter().find(|rule| {
        fits(&rule.modality, &series.modality)
            && fits(&rule.body_part, &series.body_part)
            && fits(&rule.source, &series.source)
            && now_ms - series.arrived_ms >= rule.older_than_days.max(0).saturating_mul(DAY_MS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        [[lifecycle]]
        name = "research"
        source = ["peer:RESEARCH"]
        action = "keep"

        [[lifecycle]]
        name = "old chest films"
        modality = ["CR", "DX"]
        body_part = ["CHEST"]
        older_than_days = 30
        action = "delete"

        [[lifecycle]]
        name = "films of last month"
        modality = ["DX"]
        older_than_days = 7
        action = "compress"
    "#;

    #[derive(Deserialize)]
    struct File {
        lifecycle: Vec<LifecycleRule>,
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rules = toml::from_str::<File>(RULES).unwrap().lifecycle;
        let series = |modality: &str, body_part: &str, source: &str, days: i64| SeriesAge {
            modality: modality.to_owned(),
            body_part: body_part.to_owned(),
            source: source.to_owned(),
            arrived_ms: -days * DAY_MS,
        };
        let check = |series: &SeriesAge, expected: Option<&str>| {
            assert_eq!(lifecycle_rule(&rules, series, 0).map(|rule| rule.name.as_str()), expected, "{series:?}");
        };
        check(&series("DX", "CHEST", "peer:CT1", 30), Some("old chest films"));
        check(&series("DX", "CHEST", "peer:CT1", 29), Some("films of last month"));
        check(&series("DX", "HAND", "peer:CT1", 30), Some("films of last month"));
        check(&series("DX", "HAND", "peer:CT1", 6), None);
        check(&series("CR", "HAND", "peer:CT1", 30), None);
        check(&series("CT", "CHEST", "peer:CT1", 30), None);
        check(&series("DX", "CHEST", "peer:RESEARCH", 30), Some("research"));
    }

    #[test]
    fn a_rule_that_is_not_understood_is_refused() {
        assert!(toml::from_str::<File>("[[lifecycle]]\nname = \"x\"\naction = \"burn\"").is_err());
        assert!(toml::from_str::<File>("[[lifecycle]]\nname = \"x\"\naction = \"keep\"\nmodalty = []").is_err());
    }
}
