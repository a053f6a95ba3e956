//! Deliveries to dcmtk's `storescp`.

#![allow(clippy::unwrap_used, clippy::panic)]

mod deliver;
mod pacs;
mod setting;
