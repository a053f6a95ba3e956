//! Unique identifiers (PS3.5 §9.1).

use std::fmt;

/// A DICOM unique identifier: 1 to 64 characters, digits and dots.
///
/// Components with leading zeros occur in the field, so they are kept; what could not be a file name, a path
/// segment or a query value is refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(String);

/// Why a text is not a UID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UidError {
    /// Nothing but padding.
    #[error("the UID is empty")]
    Empty,
    /// More than 64 characters.
    #[error("the UID has {0} characters, at most 64 are allowed")]
    TooLong(usize),
    /// A character other than a digit or a dot, or an empty component.
    #[error("the UID has a character or an empty component that PS3.5 §9.1 does not allow")]
    Malformed,
}

impl Uid {
    /// Reads a UID as it stands in a data set, without its trailing NUL or space padding.
    ///
    /// # Errors
    /// [`UidError`] names what is wrong; the text itself is not repeated.
    pub fn parse(text: &str) -> Result<Self, UidError> {
        let text = text.trim_end_matches(['\0', ' ']);
        if text.is_empty() {
            return Err(UidError::Empty);
        }
        if text.len() > 64 {
            return Err(UidError::TooLong(text.len()));
        }
        let well_formed = text
            .split('.')
            .all(|component| !component.is_empty() && component.bytes().all(|byte| byte.is_ascii_digit()));
        if !well_formed {
            return Err(UidError::Malformed);
        }
        Ok(Self(text.to_owned()))
    }

    /// A UID of the `2.25` arc from a 128-bit number (PS3.5 §B.2).
    #[must_use]
    pub fn from_u128(number: u128) -> Self {
        Self(format!("2.25.{number}"))
    }

    /// The UID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, UidError>) {
        assert_eq!(Uid::parse(text).as_ref().map(Uid::as_str), expected.as_ref().copied());
    }

    #[test]
    fn parses_what_the_field_sends() {
        check("1.2.840.10008.1.1", Ok("1.2.840.10008.1.1"));
        check("1.2.3\0", Ok("1.2.3"));
        check("1.02.3 ", Ok("1.02.3"));
        check("", Err(UidError::Empty));
        check("1..2", Err(UidError::Malformed));
        check("../../etc", Err(UidError::Malformed));
        check(&"1".repeat(65), Err(UidError::TooLong(65)));
    }

    #[test]
    fn derives_from_a_number() {
        assert!(Uid::from_u128(u128::MAX).as_str().len() <= 64);
    }
}
