//! WADO-RS: what metadata left out (PS3.18 §10.4.1.1.5): all frames, or one long value.

use super::accept::{Accept, Form};
use super::conditional::Conditions;
use super::frames::frames_answer;
use super::multipart::{Part, respond};
use super::{Address, EXPLICIT_LITTLE, OCTETS};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::Path;
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use lightbox_dicom::Header;
use lightbox_pipeline::Leaving;
use serde::Deserialize;

/// The address of a value of an instance.
#[derive(Deserialize)]
pub(super) struct ValueAddress {
    #[serde(flatten)]
    instance: Address,
    tag: String,
}

/// `/studies/{study}/series/{series}/instances/{instance}/bulkdata/{tag}`
pub(super) async fn bulkdata(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    conditions: Conditions,
    Path(address): Path<ValueAddress>,
) -> Result<Response, Problem> {
    const PIXEL_DATA: (u16, u16) = (0x7fe0, 0x0010);
    let instance = address.instance.one(&state, &caller).await?;
    let tag = parse_tag(&address.tag).ok_or_else(|| Problem::bad_request("a tag has eight hexadecimal digits"))?;
    if tag == PIXEL_DATA {
        let frames = 0..u32::try_from(instance.frames).unwrap_or(0);
        return frames_answer(&state, &accept, &conditions, &instance, frames.collect()).await;
    }
    let leaving = Leaving::of_study(&state.store, &address.instance.study).await?;
    let validator = conditions.of_instance(&instance).corrected(leaving.changed_ms());
    if let Some(answer) = conditions.not_modified(&validator) {
        return Ok(answer);
    }
    let file = leaving.file(&instance);
    let header = tokio::task::spawn_blocking(move || Header::read(&file)).await??;
    let element = header.object().element_opt(tag.into()).map_err(Problem::internal)?;
    let value = element.and_then(|element| element.to_bytes().ok());
    let value = value.ok_or_else(|| Problem::not_found("value of this instance"))?.into_owned();
    let content_type = format!("{OCTETS}; transfer-syntax={EXPLICIT_LITTLE}");
    match accept.0.iter().find_map(|range| range.covers(OCTETS)) {
        None => Err(Problem::not_acceptable(format!("values are given as {OCTETS}"))),
        Some(Form::Single) => conditions.answer(&validator, &content_type, value),
        Some(Form::Multipart | Form::Either) => {
            let bytes = stream::iter([Ok(Bytes::from(value))]);
            Ok(validator.stamp(respond(OCTETS, stream::iter([Ok(Part { content_type, bytes })])), false))
        }
    }
}

fn parse_tag(text: &str) -> Option<(u16, u16)> {
    let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let part = |text: &str| u16::from_str_radix(text, 16).ok();
    digits.then_some(())?;
    Some((part(&text[..4])?, part(&text[4..])?))
}
