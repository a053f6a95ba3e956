//! Orders: what another system says is to be examined, of whom, and when. [`crate::order_match`] says whether a study is
//! what was ordered.

use crate::access::named;
use crate::overlay::check_value;
use crate::{Patient, PatientKey};
use std::fmt;

named! {
    /// What became of an order.
    OrderState {
        /// It is to be done, or was.
        Active = "active",
        /// Whoever placed it took it back.
        Canceled = "canceled",
    }
}

/// The fields of an order, with the representation of their values (PS3.5 §6.2).
const FIELDS: [(&str, &str); 14] = [
    ("placer_number", "LO"),
    ("filler_number", "LO"),
    ("accession_number", "SH"),
    ("issuer_of_accession_number", "LO"),
    ("patient_id", "LO"),
    ("issuer_of_patient_id", "LO"),
    ("patient_name", "PN"),
    ("patient_birth_date", "DA"),
    ("patient_sex", "CS"),
    ("procedure_code", "SH"),
    ("procedure_description", "LO"),
    ("modality", "SH"),
    ("scheduled_date", "DA"),
    ("scheduled_time", "TM"),
];

/// What an order says, by the names of its fields. Texts are as DICOM has them; an empty one says nothing.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OrderContent([String; FIELDS.len()]);

/// An order as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Ours.
    pub id: String,
    /// The system that it comes from.
    pub source: String,
    /// Its number in that system, under which it is changed.
    pub number: String,
    /// What it says.
    pub content: OrderContent,
    /// Whether it still holds.
    pub state: OrderState,
    /// When it came first, in milliseconds since 1970.
    pub received_ms: i64,
    /// When it last changed.
    pub changed_ms: i64,
}

/// What is wrong with an order. Values, which may name a patient, are not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// There is no such field.
    #[error("an order has no field {0}; it has {list}", list = FIELDS.map(|(name, _)| name).join(", "))]
    Unknown(String),
    /// The value is not of the field's representation.
    #[error("{field} is not valid: {why}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What its value has to be.
        why: &'static str,
    },
    /// Without it, an order is of no use.
    #[error("{0} is missing")]
    Missing(&'static str),
}

/// The name of a system, or an order's number there, as it is kept.
///
/// # Errors
/// [`OrderError`] when it is empty, longer than 64 characters, or more than one line.
pub fn order_name(field: &'static str, text: &str) -> Result<String, OrderError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(OrderError::Missing(field));
    }
    check_value("LO", text).map_err(|why| OrderError::Invalid { field, why })?;
    Ok(text.to_owned())
}

impl OrderContent {
    /// Sets a field. Dates may have dashes, times colons.
    ///
    /// # Errors
    /// [`OrderError`].
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), OrderError> {
        let place = FIELDS.iter().position(|(field, _)| *field == name);
        let place = place.ok_or_else(|| OrderError::Unknown(name.chars().take(64).collect()))?;
        let (field, vr) = FIELDS[place];
        let value = match vr {
            "DA" => value.trim().replace('-', ""),
            "TM" => value.trim().replace(':', ""),
            _ => value.trim().to_owned(),
        };
        if !value.is_empty() {
            check_value(vr, &value).map_err(|why| OrderError::Invalid { field, why })?;
        }
        self.0[place] = value;
        Ok(())
    }

    /// The value of a field; empty when it says nothing, or there is no such field.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.fields().find(|(field, _)| *field == name).map_or("", |(_, value)| value)
    }

    /// Every field with its value.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        FIELDS.iter().zip(&self.0).map(|((name, _), value)| (*name, value.as_str()))
    }

    /// The names of all fields.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FIELDS.iter().map(|(name, _)| *name)
    }

    /// The names of the fields in which another says something else.
    pub fn changed<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'static str> + 'a {
        self.fields().zip(other.fields()).filter(|(one, other)| one.1 != other.1).map(|(one, _)| one.0)
    }

    /// The same, if it says of whom it is.
    ///
    /// # Errors
    /// [`OrderError::Missing`].
    pub fn checked(self) -> Result<Self, OrderError> {
        if self.get("patient_id").is_empty() { Err(OrderError::Missing("patient_id")) } else { Ok(self) }
    }

    /// Who is to be examined; the age is left open.
    #[must_use]
    pub fn patient(&self) -> Patient {
        let text = |name| self.get(name).to_owned();
        Patient {
            key: PatientKey { id: text("patient_id"), issuer: text("issuer_of_patient_id") },
            name: text("patient_name"),
            birth_date: text("patient_birth_date"),
            sex: text("patient_sex"),
            age: String::new(),
        }
    }
}

impl fmt::Debug for OrderContent {
    /// Identifying attributes never reach a log line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OrderContent(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(field: &str, value: &str, expected: Result<&str, &str>) {
        let mut content = OrderContent::default();
        let set = content.set(field, value).map_err(|error| error.to_string());
        assert!(set.as_ref().err().is_none_or(|told| !told.contains("Doe^John")), "{set:?}");
        assert_eq!(set.map(|()| content.get(field).to_owned()).as_deref().ok(), expected.ok(), "{field}");
    }

    #[test]
    fn values_are_checked_by_their_representation() {
        check("scheduled_date", "2026-11-22", Ok("20261122"));
        check("scheduled_time", "08:15", Ok("0815"));
        check("patient_name", " Doe^John ", Ok("Doe^John"));
        check("modality", "", Ok(""));
        check("patient_birth_date", "Doe^John", Err("a date"));
        check("accession_number", "A2345678901234567", Err("16 characters"));
        check("patient_sex", "U", Err("F, M or O"));
        check("colour", "red", Err("no such field"));
    }

    #[test]
    fn an_order_is_of_a_patient_and_says_what_changed() {
        let mut order = OrderContent::default();
        assert_eq!(order.clone().checked(), Err(OrderError::Missing("patient_id")));
        order.set("patient_id", "P1").unwrap();
        let before = order.clone().checked().unwrap();
        order.set("modality", "CT").unwrap();
        assert_eq!(order.changed(&before).collect::<Vec<_>>(), ["modality"]);
        assert_eq!(format!("{order:?}"), "OrderContent(…)");
    }
}
