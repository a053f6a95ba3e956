//! Why somebody is not let in, or an account cannot be changed.

use lightbox_store::StoreError;

/// Why somebody is not let in, or an account cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// No account of that name has that password. Which of the two is wrong is not said.
    #[error("name or password is wrong")]
    WrongCredentials,
    /// Too many failed sign-ins with that name.
    #[error("too many failed sign-ins; try again in {retry_seconds} s")]
    Throttled {
        /// When the next attempt is looked at.
        retry_seconds: u64,
    },
    /// What was asked for does not fit; the text says what would.
    #[error("{0}")]
    Refused(String),
    /// A password could not be hashed.
    #[error("cannot hash the password: {0}")]
    Hash(String),
    /// The store refused, or what is named does not exist or exists already.
    #[error(transparent)]
    Store(#[from] StoreError),
}
