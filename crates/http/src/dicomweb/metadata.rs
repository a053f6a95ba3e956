//! WADO-RS: metadata (PS3.18 §10.4.1.1.2) as DICOM JSON: of settled series as they are kept, else streamed instance by
//! instance.

use super::accept::Accept;
use super::conditional::Conditions;
use super::{Address, DICOM_JSON};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Origin, Path};
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use lightbox_domain::{Action, Uid};
use lightbox_identity::Resource;
use lightbox_pipeline::Leaving;
use lightbox_pipeline::describe::{DICOMWEB_ORIGIN, bulk_data_uri};
use lightbox_store::{SeriesMetadata, Store, StoredInstance};
use memchr::memmem;
use std::io;

/// How many pieces are read at once for one answer.
const READ_AT_ONCE: usize = 4;

/// `/studies/{study}/metadata`
pub(super) async fn study(
    State(state): State<HttpState>,
    caller: Caller,
    origin: Origin,
    accept: Accept,
    conditions: Conditions,
    Path(address): Path<Address>,
) -> Result<Response, Problem> {
    answer(&state, &caller, origin, &accept, &conditions, &address).await
}

/// `/studies/{study}/series/{series}/metadata`
pub(super) async fn series(
    State(state): State<HttpState>,
    caller: Caller,
    origin: Origin,
    accept: Accept,
    conditions: Conditions,
    Path(address): Path<Address>,
) -> Result<Response, Problem> {
    answer(&state, &caller, origin, &accept, &conditions, &address).await
}

/// `/studies/{study}/series/{series}/instances/{instance}/metadata`
pub(super) async fn instance(
    State(state): State<HttpState>,
    caller: Caller,
    origin: Origin,
    accept: Accept,
    conditions: Conditions,
    Path(address): Path<Address>,
) -> Result<Response, Problem> {
    answer(&state, &caller, origin, &accept, &conditions, &address).await
}

/// From where a piece of an answer is read: one or more instances, divided by commas.
enum Piece {
    /// What is kept of a settled series.
    Kept(SeriesMetadata),
    /// What is kept of one of its instances.
    OfKept(SeriesMetadata, Box<StoredInstance>),
    /// The file of an instance.
    File(Box<StoredInstance>),
}

impl Piece {
    /// What is new when the piece is: kept metadata are never changed, only written anew.
    fn key(&self) -> &str {
        match self {
            Self::Kept(series) => series.key(),
            Self::OfKept(_, instance) | Self::File(instance) => instance.blob.as_str(),
        }
    }

    /// The answer, if that needs no disk.
    fn in_memory(&self, store: &Store, origin: &str) -> Option<Vec<u8>> {
        match self {
            Self::Kept(series) => Some(with_origin(store.metadata_in_memory(series)?.all(), origin)),
            Self::OfKept(series, instance) => {
                let kept = store.metadata_in_memory(series)?;
                kept.of_instance(instance.sop_instance_uid.as_str()).map(|metadata| with_origin(metadata, origin))
            }
            Self::File(_) => None,
        }
    }
}

async fn answer(
    state: &HttpState,
    caller: &Caller,
    Origin(origin): Origin,
    accept: &Accept,
    conditions: &Conditions,
    address: &Address,
) -> Result<Response, Problem> {
    let pieces = pieces(state, caller, address).await?;
    if accept.choose(&["application/dicom+json", "application/json"]).is_none() {
        return Err(Problem::not_acceptable("metadata are given as application/dicom+json"));
    }
    let leaving = Leaving::of_study(&state.store, &address.study).await?;
    let validator = conditions.of_files(pieces.iter().map(Piece::key)).corrected(leaving.changed_ms());
    if let Some(answer) = conditions.not_modified(&validator) {
        return Ok(answer);
    }
    let store = state.store.clone();
    let reads = pieces.into_iter().map(move |piece| {
        let (store, leaving, origin) = (store.clone(), leaving.clone(), origin.clone());
        async move {
            if let Some(answer) = piece.in_memory(&store, &origin) {
                return Ok(answer);
            }
            let read = move || read(&store, &leaving, piece, &origin);
            tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
        }
    });
    let mut pieces = stream::iter(reads).buffered(READ_AT_ONCE);
    // The first is read before anything is sent, so that its failure still has a status.
    let first = pieces.next().await.transpose().map_err(Problem::internal)?.unwrap_or_default();
    let rest = pieces.map_ok(|piece| Bytes::from([b",".as_slice(), &piece].concat()));
    let rest = rest.inspect_err(|error| tracing::error!(%error, "broke off an answer of metadata"));
    let ends = [Bytes::from_static(b"["), first.into()].map(Ok::<_, io::Error>);
    let body = stream::iter(ends).chain(rest).chain(stream::iter([Ok(Bytes::from_static(b"]"))]));
    Ok(validator.stamp(([(header::CONTENT_TYPE, DICOM_JSON)], Body::from_stream(body)).into_response(), false))
}

/// What an answer is made of: kept metadata where there are any, else the instances of the series.
async fn pieces(state: &HttpState, caller: &Caller, address: &Address) -> Result<Vec<Piece>, Problem> {
    if address.instance.is_some() {
        let instance = Box::new(address.one(state, caller).await?);
        let (study, series) = (instance.study_instance_uid.as_str(), instance.series_instance_uid.as_str());
        let series = state.store.metadata_of_series(study, series).await?.filter(SeriesMetadata::is_kept);
        return Ok(vec![series.map_or(Piece::File(instance.clone()), |series| Piece::OfKept(series, instance))]);
    }
    caller.may(Action::StudyRead, &Resource::study(&address.study))?;
    let (study, wanted) = (Uid::parse(&address.study)?, address.series.as_deref().map(Uid::parse).transpose()?);
    let mut series = state.store.metadata_of_study(study.as_str()).await?;
    series.retain(|one| wanted.as_ref().is_none_or(|wanted| one.series_instance_uid == *wanted));
    // What runs made is shown by the run's own rules, instance by instance.
    if series.is_empty() || !series.iter().all(|one| one.is_kept() && one.run_id.is_none()) {
        return Ok(mixed(address.instances(state, caller).await?, series));
    }
    Ok(series.into_iter().map(Piece::Kept).collect())
}

/// Kept metadata for the series that have them, and the files of all other instances.
fn mixed(instances: Vec<StoredInstance>, series: Vec<SeriesMetadata>) -> Vec<Piece> {
    let kept: Vec<_> = series.into_iter().filter(|one| one.is_kept() && one.run_id.is_none()).collect();
    let is_kept = |uid: &Uid| kept.iter().any(|one| one.series_instance_uid == *uid);
    let files: Vec<_> = instances
        .into_iter()
        .filter(|one| !is_kept(&one.series_instance_uid))
        .map(|one| Piece::File(Box::new(one)))
        .collect();
    kept.into_iter().map(Piece::Kept).chain(files).collect()
}

fn read(store: &Store, leaving: &Leaving, piece: Piece, origin: &str) -> io::Result<Vec<u8>> {
    let instance = match piece {
        Piece::Kept(series) => {
            return Ok(with_origin(store.read_metadata(&series).map_err(io::Error::other)?.all(), origin));
        }
        Piece::OfKept(series, instance) => {
            let kept = store.read_metadata(&series).map_err(io::Error::other)?;
            if let Some(metadata) = kept.of_instance(instance.sop_instance_uid.as_str()) {
                return Ok(with_origin(metadata, origin));
            }
            instance
        }
        Piece::File(instance) => instance,
    };
    let metadata = lightbox_dicom::json::metadata(leaving.file(&instance), &bulk_data_uri(origin, &instance));
    serde_json::to_vec(&metadata.map_err(io::Error::other)?).map_err(io::Error::other)
}

/// Kept metadata with the address at which this client calls. The word that stands for it is only looked for at the
/// beginning of a JSON string, where no escaped text can be.
fn with_origin(metadata: &[u8], origin: &str) -> Vec<u8> {
    let placeholder = format!("\"BulkDataURI\":\"{DICOMWEB_ORIGIN}");
    let address = format!("\"BulkDataURI\":\"{origin}");
    let mut answer = Vec::with_capacity(metadata.len() + metadata.len() / 16);
    let mut rest = metadata;
    while let Some(at) = memmem::find(rest, placeholder.as_bytes()) {
        answer.extend_from_slice(&rest[..at]);
        answer.extend_from_slice(address.as_bytes());
        rest = &rest[at + placeholder.len()..];
    }
    answer.extend_from_slice(rest);
    answer
}
