//! WADO-RS: images as a person sees them (PS3.18 §10.4.1.1.3 and §8.3.5), for pages and programs without a decoder.

use super::Address;
use super::accept::Accept;
use super::conditional::Conditions;
use super::frames::{FramesAddress, numbers};
use crate::HttpState;
use crate::auth::Caller;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use axum::extract::State;
use axum::response::Response;
use lightbox_dicom::{DisplayImage, PixelError, Window, display_image, encode_jpeg, encode_png, shrink};
use lightbox_domain::Limits;
use lightbox_store::StoredInstance;
use serde::Deserialize;
use std::path::Path as FilePath;

/// What is given, the first unless the client says otherwise.
pub(super) const MEDIA_TYPES: [&str; 2] = ["image/jpeg", "image/png"];

/// The quality of a JPEG unless the client says otherwise.
const QUALITY_DEFAULT: u8 = 90;

/// The longer side of a thumbnail unless the client says otherwise, in pixels.
const THUMBNAIL_SIDE: u32 = 128;

/// How an image is to be rendered, as the address says it.
#[derive(Default, Deserialize)]
pub(super) struct RenderedQuery {
    window: Option<String>,
    viewport: Option<String>,
    quality: Option<String>,
}

/// The same, understood.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rendering {
    window: Option<Window>,
    /// Width and height into which the image must fit.
    viewport: Option<(u32, u32)>,
    quality: Option<u8>,
}

/// `…/instances/{instance}/rendered`
pub(super) async fn instance(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    conditions: Conditions,
    Path(address): Path<Address>,
    Query(query): Query<RenderedQuery>,
) -> Result<Response, Problem> {
    let instance = address.one(&state, &caller).await?;
    render(&state, &accept, &conditions, &instance, 0, query.parse()?).await
}

/// `…/instances/{instance}/thumbnail`
pub(super) async fn thumbnail(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    conditions: Conditions,
    Path(address): Path<Address>,
    Query(query): Query<RenderedQuery>,
) -> Result<Response, Problem> {
    let instance = address.one(&state, &caller).await?;
    render(&state, &accept, &conditions, &instance, 0, query.parse()?.or_small()).await
}

/// `…/instances/{instance}/frames/{frame}/rendered`
pub(super) async fn frame(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    conditions: Conditions,
    Path(address): Path<FramesAddress>,
    Query(query): Query<RenderedQuery>,
) -> Result<Response, Problem> {
    let (instance, frame) = one_frame(&state, &caller, &address).await?;
    render(&state, &accept, &conditions, &instance, frame, query.parse()?).await
}

/// `…/instances/{instance}/frames/{frame}/thumbnail`
pub(super) async fn frame_thumbnail(
    State(state): State<HttpState>,
    caller: Caller,
    accept: Accept,
    conditions: Conditions,
    Path(address): Path<FramesAddress>,
    Query(query): Query<RenderedQuery>,
) -> Result<Response, Problem> {
    let (instance, frame) = one_frame(&state, &caller, &address).await?;
    render(&state, &accept, &conditions, &instance, frame, query.parse()?.or_small()).await
}

async fn one_frame(
    state: &HttpState,
    caller: &Caller,
    address: &FramesAddress,
) -> Result<(StoredInstance, u32), Problem> {
    let instance = address.instance.one(state, caller).await?;
    match numbers(&address.frames, &instance)?[..] {
        [frame] => Ok((instance, frame)),
        _ => Err(Problem::bad_request("one frame is rendered at a time")),
    }
}

/// One frame of an instance that the caller may see.
pub(super) async fn render(
    state: &HttpState,
    accept: &Accept,
    conditions: &Conditions,
    instance: &StoredInstance,
    frame: u32,
    rendering: Rendering,
) -> Result<Response, Problem> {
    let media_type = accept.choose(&MEDIA_TYPES);
    let media_type =
        media_type.ok_or_else(|| Problem::not_acceptable("images are given as image/jpeg or image/png"))?;
    let validator = conditions.of_instance(instance);
    if let Some(answer) = conditions.not_modified(&validator) {
        return Ok(answer);
    }
    let permit = state.decoding.clone().acquire_owned().await.map_err(Problem::internal)?;
    let (path, limits) = (state.store.blobs().path(&instance.blob), state.limits.clone());
    let rendered = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        render_now(&path, frame, rendering, media_type, &limits)
    });
    conditions.answer(&validator, media_type, rendered.await??)
}

fn render_now(
    path: &FilePath,
    frame: u32,
    rendering: Rendering,
    media_type: &str,
    limits: &Limits,
) -> Result<Vec<u8>, PixelError> {
    let mut image = display_image(path, frame, rendering.window, limits)?;
    if let Some(viewport) = rendering.viewport {
        image = shrink(&image, fitting_side(&image, viewport));
    }
    match media_type {
        "image/png" => encode_png(&image),
        _ => encode_jpeg(&image, rendering.quality.unwrap_or(QUALITY_DEFAULT)),
    }
}

/// How long the longer side of an image may be, so that it fits into a viewport.
fn fitting_side(image: &DisplayImage, (width, height): (u32, u32)) -> u32 {
    let (rows, columns) = image.size();
    let (rows, columns) = (u64::from(rows.max(1)), u64::from(columns.max(1)));
    let (width, height) = (u64::from(width), u64::from(height));
    let side = match columns * height <= rows * width {
        true => rows.max(columns) * height / rows,
        false => rows.max(columns) * width / columns,
    };
    u32::try_from(side.max(1)).unwrap_or(u32::MAX)
}

impl Rendering {
    /// The same, as small as a thumbnail unless the client gave a size.
    pub(super) fn or_small(mut self) -> Self {
        self.viewport.get_or_insert((THUMBNAIL_SIDE, THUMBNAIL_SIDE));
        self
    }
}

impl RenderedQuery {
    /// The same, understood.
    ///
    /// # Errors
    /// 400 for what cannot be.
    pub(super) fn parse(&self) -> Result<Rendering, Problem> {
        Ok(Rendering {
            window: self.window.as_deref().map(parse_window).transpose().map_err(Problem::bad_request)?,
            viewport: self.viewport.as_deref().map(parse_viewport).transpose().map_err(Problem::bad_request)?,
            quality: self.quality.as_deref().map(parse_quality).transpose().map_err(Problem::bad_request)?,
        })
    }
}

/// `center,width,function` (PS3.18 §8.3.5.1.4); of the functions only `linear`.
fn parse_window(text: &str) -> Result<Window, &'static str> {
    const COMPLAINT: &str = "window must be center,width,linear, with a width of at least 1";
    let pieces: Vec<&str> = text.split(',').map(str::trim).collect();
    let (center, width) = match pieces[..] {
        [center, width] => (center, width),
        [center, width, function] if function.eq_ignore_ascii_case("linear") => (center, width),
        _ => return Err(COMPLAINT),
    };
    let number = |text: &str| text.parse().ok().filter(|number: &f64| number.is_finite());
    match (number(center), number(width)) {
        (Some(center), Some(width)) if width >= 1.0 => Ok(Window { center, width }),
        _ => Err(COMPLAINT),
    }
}

/// `width,height` (PS3.18 §8.3.5.1.3); a part of the image cannot be asked for.
fn parse_viewport(text: &str) -> Result<(u32, u32), &'static str> {
    let side = |text: &str| text.trim().parse().ok().filter(|side: &u32| *side > 0);
    match text.split_once(',').map(|(width, height)| (side(width), side(height))) {
        Some((Some(width), Some(height))) => Ok((width, height)),
        _ => Err("viewport must be width,height in pixels; a part of the image cannot be asked for"),
    }
}

fn parse_quality(text: &str) -> Result<u8, &'static str> {
    let quality = text.parse().ok().filter(|quality: &u8| (1..=100).contains(quality));
    quality.ok_or("quality must be from 1 to 100")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lightbox_dicom::GreyImage;

    #[test]
    fn windows_and_viewports_are_read() {
        assert_eq!(parse_window("40,400,linear"), Ok(Window { center: 40.0, width: 400.0 }));
        assert_eq!(parse_window("-600.5,1500"), Ok(Window { center: -600.5, width: 1500.0 }));
        assert!(parse_window("40,0,linear").is_err() && parse_window("40,400,sigmoid").is_err());
        assert!(parse_window("NaN,400").is_err());
        assert_eq!(parse_viewport("96,64"), Ok((96, 64)));
        assert!(parse_viewport("0,64").is_err() && parse_viewport("96").is_err());
        assert!(parse_viewport("96,64,0,0,10,10").is_err());
        assert!(parse_quality("0").is_err() && parse_quality("101").is_err());
    }

    #[test]
    fn an_image_fits_into_its_viewport() {
        let image = |rows, columns| DisplayImage::Grey(GreyImage { rows, columns, pixels: Vec::new() });
        assert_eq!(fitting_side(&image(100, 200), (50, 50)), 50);
        assert_eq!(fitting_side(&image(100, 200), (1_000, 50)), 100);
        assert_eq!(fitting_side(&image(200, 100), (50, 1_000)), 100);
    }
}
