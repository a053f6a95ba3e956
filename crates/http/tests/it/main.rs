//! The HTTP door as clients meet it: real requests through the whole router, onto a real store in a folder of its own.

// The lint spares `#[test]` functions only, not what they call.
#![allow(clippy::unwrap_used, clippy::panic)]

mod access;
mod api;
mod capabilities;
mod conflicts;
mod corrections;
mod deletions;
mod door;
mod mutated;
mod ohif;
mod orders;
mod page;
mod qido;
mod session;
mod shadow;
mod stow;
mod timeline;
mod wado;
mod workitems;
