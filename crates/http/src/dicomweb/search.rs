//! QIDO-RS: search for studies, series and instances (PS3.18 §10.6).
//!
//! Only what belongs to the index is searched, so results in shadow mode are never found.

use super::DICOM_JSON;
use super::accept::Accept;
use super::answer::{with_instance, with_series, with_study};
use super::query::{Asked, parse};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Origin, Path, Query};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use lightbox_dicom::json::DatasetJson;
use lightbox_domain::{Action, Uid};
use lightbox_identity::Resource;
use lightbox_store::{Column, Level, Match, Store, StoredSeries, StoredStudy};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;

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
    ($($(#[$doc:meta])* $name:ident => $search:ident;)*) => {
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
            request.$search().await
        })*
    };
}

handlers! {
    /// `/studies`
    studies => search_studies;
    /// `/series`
    all_series => search_series;
    /// `/studies/{study}/series`
    series_of_study => search_series;
    /// `/instances`
    all_instances => search_instances;
    /// `/studies/{study}/instances`
    instances_of_study => search_instances;
    /// `/studies/{study}/series/{series}/instances`
    instances_of_series => search_instances;
}

impl Request {
    async fn search_studies(self) -> Result<Response, Problem> {
        let asked = self.asked(Level::Study)?;
        let studies = self.state.store.search_studies(&asked.search).await?;
        let rows = studies.iter().map(|study| with_study(DatasetJson::new(), &self.origin, study)).collect();
        Ok(answer(rows, &asked))
    }

    async fn search_series(self) -> Result<Response, Problem> {
        let asked = self.asked(Level::Series)?;
        let series = self.state.store.search_series(&asked.search).await?;
        let mut parents = Parents::new(&self.state.store);
        let mut rows = Vec::with_capacity(series.len());
        for one in &series {
            let study = parents.study(&one.study_instance_uid).await?;
            rows.push(with_series(self.row_of(study), &self.origin, one));
        }
        Ok(answer(rows, &asked))
    }

    async fn search_instances(self) -> Result<Response, Problem> {
        let asked = self.asked(Level::Instance)?;
        let instances = self.state.store.search_instances(&asked.search).await?;
        let mut parents = Parents::new(&self.state.store);
        let mut rows = Vec::with_capacity(instances.len());
        for one in &instances {
            let mut row = self.row_of(parents.study(&one.study_instance_uid).await?);
            if let Some(series) = parents.series(&one.study_instance_uid, &one.series_instance_uid).await? {
                row = with_series(row, &self.origin, series);
            }
            rows.push(with_instance(row, &self.origin, one));
        }
        Ok(answer(rows, &asked))
    }

    /// The search, after permission and query are checked.
    fn asked(&self, level: Level) -> Result<Asked, Problem> {
        let study = self.scope.study.as_deref().unwrap_or("*");
        self.caller.may(Action::StudyRead, &Resource::study(study))?;
        if self.accept.choose(&["application/dicom+json", "application/json"]).is_none() {
            return Err(Problem::not_acceptable("answers are application/dicom+json"));
        }
        let mut fixed = Vec::new();
        let columns = [(Column::StudyInstanceUid, &self.scope.study), (Column::SeriesInstanceUid, &self.scope.series)];
        for (column, uid) in columns {
            if let Some(uid) = uid {
                fixed.push((column, Match::OneOf(vec![Uid::parse(uid)?.to_string()])));
            }
        }
        parse(level, fixed, &self.pairs, self.state.limits.page_rows_max).map_err(Problem::bad_request)
    }

    fn row_of(&self, study: Option<&StoredStudy>) -> DatasetJson {
        match study {
            Some(study) => with_study(DatasetJson::new(), &self.origin, study),
            None => DatasetJson::new(),
        }
    }
}

/// The studies and series of rows below them, each read once.
struct Parents<'a> {
    store: &'a Store,
    studies: HashMap<Uid, (Option<StoredStudy>, Vec<StoredSeries>)>,
}

impl<'a> Parents<'a> {
    fn new(store: &'a Store) -> Self {
        Self { store, studies: HashMap::new() }
    }

    async fn load(&mut self, uid: &Uid) -> Result<&(Option<StoredStudy>, Vec<StoredSeries>), Problem> {
        if !self.studies.contains_key(uid) {
            let study = self.store.study(uid.as_str()).await?;
            let series = self.store.series_of_study(uid.as_str()).await?;
            self.studies.insert(uid.clone(), (study, series));
        }
        self.studies.get(uid).ok_or_else(|| Problem::internal("a study that was just read is gone"))
    }

    async fn study(&mut self, uid: &Uid) -> Result<Option<&StoredStudy>, Problem> {
        Ok(self.load(uid).await?.0.as_ref())
    }

    async fn series(&mut self, study: &Uid, series: &Uid) -> Result<Option<&StoredSeries>, Problem> {
        Ok(self.load(study).await?.1.iter().find(|one| one.series_instance_uid == *series))
    }
}

/// The rows, with the warnings of PS3.18 §8.3.4.2 and §8.3.4.4.
fn answer(rows: Vec<DatasetJson>, asked: &Asked) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, DICOM_JSON);
    let more = rows.len() > asked.rows_max;
    if more && asked.cut {
        let warning = "299 lightbox \"there are more results than are given at once; ask on with offset\"";
        headers.append(header::WARNING, HeaderValue::from_static(warning));
    }
    if asked.fuzzy {
        let warning = "299 lightbox \"fuzzymatching is not supported; only literal matching has been performed\"";
        headers.append(header::WARNING, HeaderValue::from_static(warning));
    }
    let rows: Vec<Value> = rows.into_iter().take(asked.rows_max).map(DatasetJson::into_value).collect();
    let mut response = Json(rows).into_response();
    response.headers_mut().extend(headers);
    response
}
