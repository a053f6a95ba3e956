//! Packages as files and in registries, with Docker's registry, skopeo and OpenSSL as counterparts.

// The lint spares `#[test]` functions only, not what they call.
#![allow(clippy::unwrap_used, clippy::panic)]

mod by_hand;
mod damage;
mod diff;
mod hostile;
mod mirror;
mod package;
mod registry;
mod setting;
mod signature;
mod skopeo;
