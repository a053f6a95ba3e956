//! In which column an attribute is kept: its keyword in snake case, in the table of its level.

use lightbox_domain::{Attribute, Level};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Where an attribute is kept.
#[derive(Debug)]
pub(crate) struct Column {
    /// The attribute.
    pub attribute: &'static Attribute,
    /// Its column's name.
    pub name: String,
    /// Table and column.
    pub path: String,
}

impl Column {
    /// The column of this attribute.
    pub(crate) fn of(attribute: &'static Attribute) -> &'static Self {
        static COLUMNS: LazyLock<HashMap<u32, Column>> = LazyLock::new(|| {
            Attribute::all().iter().map(|attribute| (attribute.tag, Column::new(attribute))).collect()
        });
        // Every attribute is in the map, which is made from all of them.
        &COLUMNS[&attribute.tag]
    }

    fn new(attribute: &'static Attribute) -> Self {
        let name = match attribute.keyword.as_str() {
            "AvailableTransferSyntaxUID" => "transfer_syntax_uid".to_owned(),
            keyword => snake_case(keyword),
        };
        Self { path: format!("{}.{name}", table(attribute.level)), name, attribute }
    }

    /// The column that holds a name as [`lightbox_domain::fold_name`] folds it.
    pub(crate) fn folded(&self) -> String {
        format!("{}_folded", self.path)
    }
}

/// The columns of these levels that are read from instances.
pub(crate) fn read_columns(levels: &[Level]) -> Vec<&'static Column> {
    let wanted = |one: &&Attribute| one.is_read() && levels.contains(&one.level);
    Attribute::all().iter().filter(wanted).map(Column::of).collect()
}

/// The table that keeps a level's attributes.
pub(crate) const fn table(level: Level) -> &'static str {
    match level {
        Level::Patient | Level::Study => "studies",
        Level::Series => "series",
        Level::Instance => "instances",
    }
}

/// `SOPInstanceUID` as `sop_instance_uid`.
fn snake_case(keyword: &str) -> String {
    let letters: Vec<char> = keyword.chars().collect();
    let mut name = String::with_capacity(keyword.len() + 4);
    for (place, letter) in letters.iter().enumerate() {
        let after_small = place > 0 && letters[place - 1].is_lowercase();
        let before_small = letters.get(place + 1).is_some_and(|next| next.is_lowercase());
        if place > 0 && letter.is_uppercase() && (after_small || before_small) {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn keywords_become_columns() {
        for (keyword, column) in [
            ("SOPInstanceUID", "sop_instance_uid"),
            ("IssuerOfPatientID", "issuer_of_patient_id"),
            ("TimezoneOffsetFromUTC", "timezone_offset_from_utc"),
            ("Rows", "rows"),
        ] {
            assert_eq!(snake_case(keyword), column);
        }
    }
}
