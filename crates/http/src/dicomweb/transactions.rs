//! Every transaction that the DICOMweb door offers, in one table: the router is made of it, and so are the capabilities
//! (PS3.18 §8.9) and the conformance statement.

use super::{
    DICOM, OCTETS, bulkdata, capabilities, frames, metadata, rendered, retrieve, search, store, syntaxes, thumbnail,
    workitems,
};
use crate::HttpState;
use axum::Router;
use axum::routing::{MethodRouter, delete, get, options, post, put};
use lightbox_dicom::transfer_syntaxes;
use lightbox_domain::{Attribute, Level, WorkitemAttribute};
use serde::Serialize;
use std::collections::BTreeSet;

/// A transaction of PS3.18.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Transaction {
    /// Its name, such as `RetrieveStudy`.
    pub name: &'static str,
    /// Where PS3.18 describes it.
    pub section: &'static str,
    /// `GET`, `POST`, …
    pub method: String,
    /// Its address below `/dicomweb`, with variables in braces.
    pub path: String,
    /// What a request may carry.
    pub takes: Vec<String>,
    /// What an answer may carry, the default first.
    pub gives: Vec<String>,
    /// Query parameters; of a search, also the attributes that it matches.
    pub parameters: Vec<String>,
}

/// All transactions, without what handles them.
#[must_use]
pub fn dicomweb_transactions() -> Vec<Transaction> {
    offers().into_iter().map(|offer| offer.transaction).collect()
}

/// The router that the table describes.
pub(super) fn router() -> Router<HttpState> {
    offers().into_iter().fold(Router::new(), |router, offer| router.route(&offer.transaction.path, offer.handler))
}

/// A transaction and what handles it.
struct Offer {
    transaction: Transaction,
    handler: MethodRouter<HttpState>,
}

impl Offer {
    /// A line of the table. `request` is a method, which the handler must serve, and an address.
    fn new(name: &'static str, section: &'static str, request: &str, handler: MethodRouter<HttpState>) -> Self {
        let (method, path) = request.split_once(' ').unwrap_or(("GET", request));
        let (method, path) = (method.to_owned(), path.to_owned());
        let (takes, gives, parameters) = (Vec::new(), Vec::new(), Vec::new());
        Self { transaction: Transaction { name, section, method, path, takes, gives, parameters }, handler }
    }

    fn takes(mut self, media_types: &[&str]) -> Self {
        self.transaction.takes = owned(media_types);
        self
    }

    fn gives(mut self, media_types: Vec<String>) -> Self {
        self.transaction.gives = media_types;
        self
    }

    fn with(mut self, parameters: &[&str]) -> Self {
        self.transaction.parameters = owned(parameters);
        self
    }

    /// A search, by these attributes beside the parameters of every search (§8.3.4).
    fn by(mut self, attributes: Vec<String>) -> Self {
        let common = owned(&["limit", "offset", "includefield", "fuzzymatching"]);
        self.transaction.parameters = [common, attributes].concat();
        self.gives(owned(&JSON))
    }
}

const JSON: [&str; 2] = ["application/dicom+json", "application/json"];

fn offers() -> Vec<Offer> {
    let capabilities = Offer::new("RetrieveCapabilities", "8.9", "OPTIONS /", options(capabilities::retrieve));
    let mut offers = vec![capabilities.gives(owned(&capabilities::MEDIA_TYPES))];
    offers.extend(searching());
    offers.extend(storing());
    offers.extend(retrieving());
    offers.extend(rendering());
    offers.extend(worklist());
    offers
}

fn searching() -> Vec<Offer> {
    let new = |name, request: &str, handler, level| Offer::new(name, "10.6", request, handler).by(matched(level));
    let of_series = "GET /studies/{study}/series/{series}/instances";
    vec![
        new("SearchForStudies", "GET /studies", get(search::studies), Level::Study),
        new("SearchForSeries", "GET /series", get(search::all_series), Level::Series),
        new("SearchForSeries", "GET /studies/{study}/series", get(search::series_of_study), Level::Series),
        new("SearchForInstances", "GET /instances", get(search::all_instances), Level::Instance),
        new("SearchForInstances", "GET /studies/{study}/instances", get(search::instances_of_study), Level::Instance),
        new("SearchForInstances", of_series, get(search::instances_of_series), Level::Instance),
    ]
}

fn storing() -> Vec<Offer> {
    let new = |request: &str, handler| {
        let offer = Offer::new("StoreInstances", "10.5", request, handler);
        offer.takes(&["multipart/related; type=\"application/dicom\""]).gives(owned(&JSON))
    };
    vec![new("POST /studies", post(store::store)), new("POST /studies/{study}", post(store::store_in_study))]
}

fn retrieving() -> Vec<Offer> {
    let new = |name, request: &str, handler, gives| {
        Offer::new(name, "10.4.1.1", request, handler).gives(gives).with(&["accept"])
    };
    let json = || owned(&JSON);
    let of_instance = |rest: &str| format!("GET /studies/{{study}}/series/{{series}}/instances/{{instance}}{rest}");
    let of_series = |rest: &str| format!("GET /studies/{{study}}/series/{{series}}{rest}");
    let frames = of_instance("/frames/{frames}");
    let bulkdata = of_instance("/bulkdata/{tag}");
    vec![
        new("RetrieveStudy", "GET /studies/{study}", get(retrieve::study), several()),
        new("RetrieveSeries", &of_series(""), get(retrieve::series), several()),
        new("RetrieveInstance", &of_instance(""), get(retrieve::instance), one_or_several()),
        new("RetrieveMetadata", "GET /studies/{study}/metadata", get(metadata::study), json()),
        new("RetrieveMetadata", &of_series("/metadata"), get(metadata::series), json()),
        new("RetrieveMetadata", &of_instance("/metadata"), get(metadata::instance), json()),
        new("RetrieveFrames", &frames, get(frames::frames), frame_media_types()),
        new("RetrieveBulkdata", &bulkdata, get(bulkdata::bulkdata), frame_media_types()),
    ]
}

fn rendering() -> Vec<Offer> {
    let new = |name, rest: &str, handler| {
        let request = format!("GET /studies/{{study}}/series/{{series}}/instances/{{instance}}{rest}");
        let offer = Offer::new(name, "10.4.1.1", &request, handler).gives(owned(&rendered::MEDIA_TYPES));
        offer.with(&["accept", "window", "viewport", "quality"])
    };
    let small = |request: &str, handler| {
        let offer = Offer::new("RetrieveThumbnail", "10.4.1.1", request, handler);
        offer.gives(owned(&rendered::MEDIA_TYPES)).with(&["accept", "window", "viewport", "quality"])
    };
    vec![
        small("GET /studies/{study}/thumbnail", get(thumbnail::study)),
        small("GET /studies/{study}/series/{series}/thumbnail", get(thumbnail::series)),
        new("RetrieveRenderedInstance", "/rendered", get(rendered::instance)),
        new("RetrieveRenderedFrames", "/frames/{frames}/rendered", get(rendered::frame)),
        new("RetrieveThumbnail", "/thumbnail", get(rendered::thumbnail)),
        new("RetrieveThumbnail", "/frames/{frames}/thumbnail", get(rendered::frame_thumbnail)),
    ]
}

fn worklist() -> Vec<Offer> {
    let subscribers =
        |method: &str, rest: &str| format!("{method} /workitems/{{workitem}}/subscribers/{{ae_title}}{rest}");
    let (create, item) = (post(workitems::create_workitem), "/workitems/{workitem}");
    let update = Offer::new("UpdateWorkitem", "11.6", &format!("POST {item}"), post(workitems::update));
    let change = Offer::new("ChangeWorkitemState", "11.7", &format!("PUT {item}/state"), put(workitems::change_state));
    let cancel = format!("POST {item}/cancelrequest");
    let cancel = Offer::new("RequestCancellation", "11.8", &cancel, post(workitems::request_cancel));
    let (subscribe, unsubscribe) = (post(workitems::subscribe), delete(workitems::unsubscribe));
    vec![
        Offer::new("CreateWorkitem", "11.4", "POST /workitems", create).takes(&JSON).with(&["workitem"]),
        Offer::new("RetrieveWorkitem", "11.5", &format!("GET {item}"), get(workitems::retrieve)).gives(owned(&JSON)),
        update.takes(&JSON).with(&["transaction-uid"]),
        change.takes(&JSON),
        cancel.takes(&JSON),
        Offer::new("SearchForWorkitems", "11.9", "GET /workitems", get(workitems::search)).by(matched_of_workitems()),
        Offer::new("Subscribe", "11.10", &subscribers("POST", ""), subscribe),
        Offer::new("Unsubscribe", "11.11", &subscribers("DELETE", ""), unsubscribe),
        Offer::new("SuspendGlobalSubscription", "11.12", &subscribers("POST", "/suspend"), post(workitems::suspend)),
        Offer::new("OpenNotificationConnection", "8.10.4", "GET /subscribers/{ae_title}", get(workitems::listen)),
    ]
}

/// What several instances are given as: in each syntax that can be written, or as they are stored.
fn several() -> Vec<String> {
    in_syntaxes("multipart/related; type=\"application/dicom\"")
}

/// What one instance is given as.
fn one_or_several() -> Vec<String> {
    [several(), in_syntaxes(DICOM)].concat()
}

fn in_syntaxes(media_type: &str) -> Vec<String> {
    let with = |syntax: &str| format!("{media_type}; transfer-syntax={syntax}");
    [media_type.to_owned(), with("*")].into_iter().chain(syntaxes::written().map(with)).collect()
}

/// What frames and other bulk data are given as: as they are stored, or as octets.
fn frame_media_types() -> Vec<String> {
    let stored: BTreeSet<&str> = transfer_syntaxes().iter().map(|syntax| syntax.media_type()).collect();
    let octets_first = [OCTETS].into_iter().chain(stored.into_iter().filter(|one| *one != OCTETS));
    octets_first.flat_map(|one| [format!("multipart/related; type=\"{one}\""), one.to_owned()]).collect()
}

/// The attributes that a search at this level matches.
fn matched(level: Level) -> Vec<String> {
    let is_matched = |one: &&Attribute| one.level <= level && !one.is_count;
    Attribute::all().iter().filter(is_matched).map(|one| one.keyword.clone()).collect()
}

fn matched_of_workitems() -> Vec<String> {
    WorkitemAttribute::all().iter().filter(|one| one.is_matched).map(|one| one.path.clone()).collect()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}
