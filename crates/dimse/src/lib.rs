//! The DIMSE door: what other DICOM nodes ask of Lightbox over an association, and what Lightbox asks of them.
//!
//! Incoming, in the order in which a caller meets it: [`DimseServer`] accepts its connection, over `tls` or without,
//! `admission` decides whether it may associate, `contexts` what it may ask for, `association` serves its messages.
//! Each service is a file: `store_scp` streams instances into `lightbox_pipeline`, `find_scp` answers from the index,
//! `move_scp` and `get_scp` let instances leave (`retrieve` is what they share), `commitment_scp` promises to keep them,
//! and `mpps_scp` hears what a modality did.
//!
//! Outgoing, over a `requestor`: [`echo`], [`store`], [`send_files`], [`find`], [`retrieve()`], [`ask_commitment`] and
//! [`report_commitment`]. An object leaves in the best syntax that the peer takes (`sending`, `outgoing`).
//!
//! PDUs are read and written by `dicom-ul`. Its own acceptor is not used: it cannot ask the store whether a caller is
//! admitted, reject for a local limit, accept SOP classes by rule, or keep a syntax that it has no codec for.

mod acceptor;
mod admission;
mod association;
mod command;
mod commitment_scp;
mod commitment_scu;
mod conformance;
mod connection;
mod contexts;
mod elements;
mod error;
mod find_scp;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod get_scp;
mod identifier;
mod identity;
mod implicit;
mod move_scp;
mod mpps_scp;
#[cfg(test)]
mod mutated;
mod outgoing;
mod query_scu;
mod requestor;
mod retrieve;
mod scu;
mod sending;
mod server;
mod services;
mod store_scp;
mod tls;

pub use commitment_scp::report_commitment;
pub use commitment_scu::{CommitmentError, ask_commitment};
pub use conformance::{Negotiation, SopClass, negotiation, sop_classes};
pub use error::DimseError;
pub use outgoing::Outgoing;
pub use query_scu::{Moved, find, retrieve};
pub use scu::{Node, Target, echo, send_files, store};
pub use server::{DimseConfig, DimseServer};
pub use tls::{Tls, TlsError, TlsFiles};
