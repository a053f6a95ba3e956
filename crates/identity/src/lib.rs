//! Who somebody is, and what they may do. The only crate with cedar and argon2.
//!
//! [`sign_in`] turns a name and a password into a session, [`authenticate`] a session or a token into an [`Identity`],
//! and [`decide`] says whether an actor may do an action to a resource: the one decision, read from `policies.cedar`.
//! Passwords are kept as argon2id hashes, sessions and tokens as SHA-256. Whatever changes here appends its event in
//! the same transaction.

mod accounts;
mod decision;
mod error;
mod password;
mod secret;
mod session;
mod throttle;
mod token;

pub use accounts::{ACCOUNT_NAME_CHARACTERS_MAX, create_account, create_one_time, remove_account, reset_password};
pub use decision::{Decision, Resource, decide, permitted_actions, roles_permitted};
pub use error::IdentityError;
pub use password::{PASSWORD_BYTES_MAX, PASSWORD_CHARACTERS_MIN};
pub use session::{Credential, Identity, OneTime, SignedIn};
pub use session::{authenticate, change_password, ensure_first_admin, sign_in, sign_out};
pub use throttle::{FAILURE_WINDOW_SECONDS, FAILURES_MAX, Throttle};
pub use token::{TOKEN_PREFIX, create_token, revoke_token};
