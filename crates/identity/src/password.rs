//! Passwords: argon2id with the crate's defaults, as PHC strings.

use crate::{IdentityError, secret};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::sync::OnceLock;
use tokio::task::spawn_blocking;

/// The fewest characters of a password.
pub const PASSWORD_CHARACTERS_MIN: usize = 12;

/// The longest password in bytes, so that hashing it costs no more than hashing others.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// Letters that nobody takes for one another.
const LETTERS: &[u8; 23] = b"abcdefghjkmnpqrstuvwxyz";

/// Checks that a password which a person chose may be used.
pub(crate) fn check_new_password(password: &str) -> Result<(), IdentityError> {
    if password.chars().count() < PASSWORD_CHARACTERS_MIN {
        return Err(IdentityError::Refused(format!(
            "the password needs at least {PASSWORD_CHARACTERS_MIN} characters"
        )));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(IdentityError::Refused(format!("the password is longer than {PASSWORD_BYTES_MAX} bytes")));
    }
    Ok(())
}

/// The hash of a password as a PHC string.
pub(crate) async fn hash(password: &str) -> Result<String, IdentityError> {
    let password = password.to_owned();
    let hashed = spawn_blocking(move || hash_now(&password)).await;
    hashed.map_err(|error| IdentityError::Hash(error.to_string()))?
}

/// Whether the password is the one of this hash. Without a hash, for want of an account, the same work is done.
pub(crate) async fn verify(password: &str, hash: Option<&str>) -> Result<bool, IdentityError> {
    let (password, hash) = (password.to_owned(), hash.map(ToOwned::to_owned));
    let verified = spawn_blocking(move || verify_now(&password, hash.as_deref())).await;
    verified.map_err(|error| IdentityError::Hash(error.to_string()))?
}

fn hash_now(password: &str) -> Result<String, IdentityError> {
    let hash: Result<PasswordHash, _> = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| IdentityError::Hash(error.to_string()))
}

fn verify_now(password: &str, hash: Option<&str>) -> Result<bool, IdentityError> {
    static NOBODY: OnceLock<String> = OnceLock::new();
    let known = match hash {
        Some(hash) => hash,
        None => NOBODY.get_or_init(|| hash_now(&readable()).unwrap_or_default()),
    };
    let parsed = PasswordHash::new(known).map_err(|error| IdentityError::Hash(error.to_string()))?;
    let right = Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
    Ok(right && hash.is_some())
}

/// A random password that can be read aloud: four groups of five letters, 90 bits.
pub(crate) fn readable() -> String {
    let groups: Vec<String> = (0..4).map(|_| (0..5).map(|_| random_letter()).collect()).collect();
    groups.join("-")
}

/// A letter, each equally likely: bytes that would favour the first ones are drawn again.
fn random_letter() -> char {
    let fair = u8::MAX - u8::MAX % LETTERS.len() as u8;
    loop {
        let [byte] = secret::random();
        if byte < fair {
            return char::from(LETTERS[usize::from(byte) % LETTERS.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hashed_with_argon2id_and_verified() {
        let hash = hash_now("correct horse battery").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify_now("correct horse battery", Some(&hash)).unwrap());
        assert!(!verify_now("correct horse", Some(&hash)).unwrap());
        assert!(!verify_now("correct horse battery", None).unwrap());
    }

    #[test]
    fn one_time_passwords_are_readable_and_differ() {
        let (one, other) = (readable(), readable());
        assert_ne!(one, other);
        assert_eq!(one.split('-').map(str::len).collect::<Vec<_>>(), [5, 5, 5, 5]);
        assert!(check_new_password(&one).is_ok());
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        assert!(check_new_password("elf letters").is_err());
        assert!(check_new_password("zwölf Zeiche").is_ok());
        assert!(check_new_password(&"x".repeat(PASSWORD_BYTES_MAX + 1)).is_err());
    }
}
