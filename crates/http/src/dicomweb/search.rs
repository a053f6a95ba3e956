//! QIDO-RS: search for studies, series and instances (PS3.18 §10.6).
//!
//! Only what belongs to the index is searched, so results in shadow mode are never found.

use super::DICOM_JSON;
use super::accept::Accept;
use super::answer::row;
use super::query::{Asked, parse};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Origin, Path, Query};
use crate::problem::Problem;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use lightbox_dicom::DatasetJson;
use lightbox_dicom::json::selected;
use lightbox_domain::{Action, Attribute, Level, Matching, Uid};
use lightbox_identity::Resource;
use lightbox_pipeline::leaving;
use lightbox_store::Found;
use serde::Deserialize;

/// Names and values as they stand in the address; a name may occur twice.
type Pairs = Query<Vec<(String, String)>>;

/// A request for a search, whatever its level.
struct Request {
    state: HttpState,
    caller: Caller,
    origin: String,
    accept: Accept,
    pairs: Vec<(String, String)>,
    scope: Scope,
}

/// What the address already says.
#[derive(Deserialize)]
pub(super) struct Scope {
    study: Option<String>,
    series: Option<String>,
}

macro_rules! handlers {
    ($($(#[$doc:meta])* $name:ident => $level:ident;)*) => {
        $($(#[$doc])*
        pub(super) async fn $name(
            State(state): State<HttpState>,
            caller: Caller,
            Origin(origin): Origin,
            accept: Accept,
            Query(pairs): Pairs,
            Path(scope): Path<Scope>,
        ) -> Result<Response, Problem> {
            let request = Request { state, caller, origin, accept, pairs, scope };
            request.search(Level::$level).await
        })*
    };
}

handlers! {
    /// `/studies`
    studies => Study;
    /// `/series`
    all_series => Series;
    /// `/studies/{study}/series`
    series_of_study => Series;
    /// `/instances`
    all_instances => Instance;
    /// `/studies/{study}/instances`
    instances_of_study => Instance;
    /// `/studies/{study}/series/{series}/instances`
    instances_of_series => Instance;
}

impl Request {
    async fn search(self, level: Level) -> Result<Response, Problem> {
        let asked = self.asked(level)?;
        let found = self.state.store.search(&asked.query).await?;
        let more = found.len() > asked.rows_max;
        let mut rows = b"[".to_vec();
        for one in found.iter().take(asked.rows_max) {
            if rows.len() > 1 {
                rows.push(b',');
            }
            let row = row(one, level, &asked.include, &self.origin).map_err(Problem::internal)?;
            self.complete(row, one, &asked.include.others).await?.write(&mut rows);
        }
        rows.push(b']');
        Ok(answer(rows, more && asked.cut))
    }

    /// The query, after permission and parameters are checked.
    fn asked(&self, level: Level) -> Result<Asked, Problem> {
        let study = self.scope.study.as_deref().unwrap_or("*");
        self.caller.may(Action::StudyRead, &Resource::study(study))?;
        if self.accept.choose(&["application/dicom+json", "application/json"]).is_none() {
            return Err(Problem::not_acceptable("answers are application/dicom+json"));
        }
        let mut query = lightbox_domain::Query::new(level, self.state.limits.page_rows_max);
        let scope = [("StudyInstanceUID", &self.scope.study), ("SeriesInstanceUID", &self.scope.series)];
        for (keyword, uid) in scope {
            if let (Some(uid), Some(attribute)) = (uid, Attribute::of_keyword(keyword)) {
                query = query.with(attribute, Matching::OneOf(vec![Uid::parse(uid)?.to_string()]));
            }
        }
        parse(query, &self.pairs).map_err(Problem::bad_request)
    }

    /// Adds what only the instances themselves know: of a study or series, as its first instance says it.
    async fn complete(&self, row: DatasetJson, found: &Found, tags: &[String]) -> Result<DatasetJson, Problem> {
        if tags.is_empty() {
            return Ok(row);
        }
        let uid = |keyword| Some(found.text(keyword)).filter(|uid| !uid.is_empty());
        let (study, series) = (found.text("StudyInstanceUID"), uid("SeriesInstanceUID"));
        let Some(instance) = self.state.store.first_instance(study, series, uid("SOPInstanceUID")).await? else {
            return Ok(row);
        };
        let (file, tags) = (leaving(&self.state.store, &instance).await?, tags.to_vec());
        let read = tokio::task::spawn_blocking(move || selected(&file, &tags)).await.map_err(Problem::internal)?;
        Ok(row.merged(read.map_err(Problem::internal)?))
    }
}

/// The rows, with the warning of PS3.18 §8.3.4.4 when there are more.
fn answer(rows: Vec<u8>, more: bool) -> Response {
    let mut response = ([(header::CONTENT_TYPE, DICOM_JSON)], rows).into_response();
    if more {
        let warning = "299 lightbox \"there are more results than are given at once; ask on with offset\"";
        response.headers_mut().append(header::WARNING, HeaderValue::from_static(warning));
    }
    response
}
