//! The DIMSE door from outside: dcmtk's programs, our own SCU, and a caller that breaks the rules byte by byte.

#![allow(clippy::unwrap_used, clippy::panic)]

mod abuse;
mod admission;
mod caller;
mod commitment;
mod object;
mod query;
mod retrieve;
mod scu;
mod setting;
mod store;
