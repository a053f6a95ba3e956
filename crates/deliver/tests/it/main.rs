//! Deliveries to dcmtk's `storescp`.

#![allow(clippy::unwrap_used, clippy::panic)]

mod commitment;
mod deliver;
mod pacs;
mod setting;
