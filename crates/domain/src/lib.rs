//! The words of Lightbox as types and pure rules. No I/O, no async, no clock: time comes in as a number.
//!
//! Read it in the order of a study's way: what arrives ([`study`]), which app is for it ([`manifest`], [`routing`]),
//! what is executed ([`deployment`], [`run`], [`job`]), what it says ([`finding`]), who may see that ([`visible`],
//! [`access`]), what people correct ([`mod@overlay`]), what was ordered ([`order`], [`order_match`]), and what is remembered
//! ([`event`]). What other systems may search for is in [`attribute`] and [`query`]; the work that they share is in
//! [`workitem`].

pub mod access;
pub mod attribute;
pub mod deletion;
pub mod deployment;
pub mod event;
pub mod finding;
pub mod golden;
pub mod job;
pub mod lifecycle;
pub mod limit;
pub mod manifest;
pub mod order;
pub mod order_match;
pub mod overlay;
pub mod peer;
pub mod query;
pub mod routing;
pub mod run;
pub mod study;
pub mod summary;
pub mod uid;
pub mod visible;
mod word;
pub mod workitem;

pub use access::{Action, Actor, Role};
pub use attribute::{Attribute, Level};
pub use deletion::{DeletedPart, DeletionCause, DeletionOrder, Rejection};
pub use deployment::{Deployment, DeploymentMode};
pub use event::Event;
pub use finding::{Code, Finding};
pub use golden::{GoldenCase, GoldenOutcome, GoldenState};
pub use job::{Job, JobKind, back_off_ms};
pub use lifecycle::{LifecycleAction, LifecycleRule, SeriesAge, lifecycle_rule};
pub use limit::Limits;
pub use manifest::{
    Absent, AgeRange, AppSection, AttributeRule, Clearance, Contrast, ElementType, Fill, FillName, Filter, FindingRule,
    ImageLevel, ImageNeed, InputSection, Laterality, Layout, Manifest, ManifestError, MapMethod, MapSection,
    ModelSection, OutputSection, OutputStep, Over, PatientNeed, PixelValues, Presentation, Range, RegulatoryStatus,
    RunnerKind, Step, TENSOR_ELEMENTS_MAX, Task, TensorSection,
};
pub use order::{Order, OrderContent, OrderError, OrderState, order_name};
pub use order_match::{Candidates, MatchReason, MatchState, OrderMatch, link_values, match_order, patient_differences};
pub use overlay::{Correction, Overlaid, Overlay, OverlayScope, Values, ValuesError, overlay};
pub use peer::{AeTitle, AeTitleError, ConflictPolicy, Peer, PeerPolicy, PeerService, PendingPeer};
pub use query::{Key, Matching, Query, QueryError, fold_name};
pub use routing::{Applicability, AttributeSource, age_years, evaluate, parse_age, years_between};
pub use run::{Map, MapState, Override, ResultKind, Run, RunState};
pub use study::{
    AttributeValue, IndexEntry, InstanceAttributes, Patient, PatientKey, SeriesAttributes, Source, StudyAttributes,
};
pub use summary::{AiState, AiSummary, Decision, Outcome, summarise};
pub use uid::{Uid, UidError};
pub use visible::{ResultGuard, Viewer, visible};
pub use workitem::{
    AtCreation, AtEnd, AtUpdate, CancelAnswer, Held, StateChange, WorkitemAttribute, WorkitemQuery, WorkitemRefusal,
    WorkitemState,
};
