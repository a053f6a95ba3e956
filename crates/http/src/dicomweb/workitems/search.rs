//! Searching the worklist (PS3.18 §11.9).

use super::super::accept::Accept;
use super::super::query::count;
use super::{Pairs, accepts_json, answer, json_of};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::Query;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use lightbox_dicom::json::tag_of_name;
use lightbox_domain::{Action, QueryError, WorkitemAttribute, WorkitemQuery};
use serde_json::Value;

/// `GET /workitems`: the oldest first, each with the attributes of `workitems.toml` and those that are asked for.
pub(in crate::dicomweb) async fn search(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    caller.may_any(Action::WorkitemRead)?;
    accepts_json(&accept)?;
    let asked = Asked::parse(&pairs, state.limits.page_rows_max).map_err(Problem::bad_request)?;
    let mut found = state.store.search_workitems(&asked.query).await?;
    let more = found.len() > asked.rows_max;
    found.truncate(asked.rows_max);
    let items = found.iter().map(|item| Ok(asked.chosen(json_of(item)?))).collect::<Result<_, Problem>>()?;
    let mut response = answer(items);
    if more && asked.is_cut {
        let warning = "299 lightbox \"there are more results than are given at once; ask on with offset\"";
        response.headers_mut().append(header::WARNING, HeaderValue::from_static(warning));
    }
    Ok(response)
}

/// What a client asks for.
#[derive(Debug)]
struct Asked {
    /// For one more than is given, so that it shows whether there are more.
    query: WorkitemQuery,
    rows_max: usize,
    /// Whether that is less than the client wanted.
    is_cut: bool,
    /// Tags that come back beside those that always do; `None` for all.
    include: Option<Vec<String>>,
}

impl Asked {
    fn parse(pairs: &[(String, String)], page_rows_max: i64) -> Result<Self, String> {
        let mut query = WorkitemQuery { keys: Vec::new(), limit: 0, offset: 0 };
        let (mut wanted, mut include) = (None, Some(Vec::new()));
        let fuzzy = pairs.iter().any(|(name, value)| name == "fuzzymatching" && value.eq_ignore_ascii_case("true"));
        for (name, value) in pairs {
            match name.as_str() {
                "limit" => wanted = Some(count("limit", value)?),
                "offset" => query.offset = count("offset", value)?,
                "includefield" if value == "all" => include = None,
                "includefield" => include = with_fields(include, value)?,
                "accept" | "fuzzymatching" | "emptyvaluematching" | "multiplevaluematching" => {}
                name => condition(&mut query, name, value, fuzzy)?,
            }
        }
        let rows = wanted.unwrap_or(page_rows_max).min(page_rows_max);
        query.limit = rows + 1;
        let is_cut = wanted.is_none_or(|wanted| wanted > page_rows_max);
        Ok(Self { query, rows_max: usize::try_from(rows).unwrap_or(usize::MAX), is_cut, include })
    }

    fn chosen(&self, mut item: Value) -> Value {
        if let (Some(include), Some(attributes)) = (&self.include, item.as_object_mut()) {
            let always = |tag: &str| WorkitemAttribute::find(tag).is_some() || tag == "00080005";
            attributes.retain(|tag, _| always(tag) || include.iter().any(|one| one == tag));
        }
        item
    }
}

/// Of an attribute in a sequence, the whole sequence comes back.
fn with_fields(include: Option<Vec<String>>, names: &str) -> Result<Option<Vec<String>>, String> {
    let Some(mut include) = include else { return Ok(None) };
    for name in names.split(',').filter(|name| !name.is_empty()) {
        let tag = tag_of_name(name.split('.').next().unwrap_or(name));
        include.push(tag.ok_or("includefield must name attributes by keyword or tag, or be `all`")?);
    }
    Ok(Some(include))
}

fn condition(query: &mut WorkitemQuery, name: &str, value: &str, fuzzy: bool) -> Result<(), String> {
    let Some(attribute) = WorkitemAttribute::find(name) else {
        // What is not repeated cannot leak: a value may stand where a name should.
        let known = tag_of_name(name).map_or_else(|| "a parameter".to_owned(), |_| name.to_owned());
        return Err(QueryError::Unknown(known).to_string());
    };
    match value.is_empty() {
        true => Ok(()),
        false => query.push(attribute, value, fuzzy).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(pairs: &[(&str, &str)]) -> Result<Asked, String> {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Asked::parse(&pairs, 100)
    }

    #[test]
    fn conditions_and_pages_are_read() {
        let read = asked(&[("ProcedureStepState", "SCHEDULED"), ("00404041", "READY"), ("limit", "10")]).unwrap();
        assert_eq!((read.query.keys.len(), read.query.limit, read.rows_max, read.is_cut), (2, 11, 10, false));
        assert!(asked(&[("limit", "1000")]).unwrap().is_cut);
        assert_eq!(
            asked(&[("Doe^John", "x")]).unwrap_err(),
            "a parameter is no attribute that can be searched by here"
        );
        assert_eq!(asked(&[("Modality", "CT")]).unwrap_err(), "Modality is no attribute that can be searched by here");
    }

    #[test]
    fn what_nobody_asked_for_stays_away() {
        let item = || json!({ "00741000": 1, "00400400": 2, "00081030": 3, "00101010": 4 });
        let given = asked(&[("includefield", "StudyDescription")]).unwrap().chosen(item());
        assert_eq!(given, json!({ "00741000": 1, "00400400": 2, "00081030": 3 }));
        assert_eq!(asked(&[("includefield", "all")]).unwrap().chosen(item()), item());
    }
}
