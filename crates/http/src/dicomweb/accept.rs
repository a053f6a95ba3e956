//! What a client accepts (PS3.18 §8.7.5): the header, or the query parameter that takes its place (§8.3.3.1).

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use std::convert::Infallible;

/// The media ranges that a client accepts, the most wanted first. Never empty.
#[derive(Debug, PartialEq)]
pub(super) struct Accept(pub(super) Vec<MediaRange>);

/// One media range with its parameters; all in lower case.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct MediaRange {
    /// Such as `multipart/related` or `*/*`.
    pub(super) essence: String,
    /// `type`: what a multipart message consists of.
    pub(super) part_type: Option<String>,
    /// `transfer-syntax`
    pub(super) transfer_syntax: Option<String>,
    quality: f32,
}

impl MediaRange {
    /// Reads a media range or a Content-Type.
    pub(super) fn parse(text: &str) -> Self {
        let mut pieces = split(text, ';').into_iter();
        let mut range =
            Self { essence: pieces.next().unwrap_or_default().to_ascii_lowercase(), quality: 1.0, ..Self::default() };
        for (name, value) in pieces.filter_map(|piece| piece.split_once('=')) {
            let value = value.trim().trim_matches('"').to_ascii_lowercase();
            match name.trim().to_ascii_lowercase().as_str() {
                "type" => range.part_type = Some(value),
                "transfer-syntax" => range.transfer_syntax = Some(value),
                "q" => range.quality = value.parse().unwrap_or(0.0),
                _ => {}
            }
        }
        range
    }

    /// Whether the answer is to be multipart, and whether this media type may be its part, or the answer itself.
    pub(super) fn covers(&self, media_type: &str) -> Option<Form> {
        match self.essence.as_str() {
            "multipart/related" if self.part_type.as_deref().is_none_or(|part| matches(part, media_type)) => {
                Some(Form::Multipart)
            }
            "*/*" => Some(Form::Either),
            range if matches(range, media_type) => Some(Form::Single),
            _ => None,
        }
    }

    /// How much it is wanted, up to 1.
    pub(super) fn quality(&self) -> f32 {
        self.quality
    }

    /// Whether something in this transfer syntax may be given.
    pub(super) fn covers_syntax(&self, transfer_syntax_uid: &str) -> bool {
        self.transfer_syntax.as_deref().is_none_or(|wanted| wanted == "*" || wanted == transfer_syntax_uid)
    }
}

/// How a client wants an answer that has parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As `multipart/related`.
    Multipart,
    /// As itself, which only works for a single part.
    Single,
    /// Does not matter.
    Either,
}

impl Accept {
    /// Reads the values of `Accept`; nothing, or nothing readable, accepts everything.
    pub(super) fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let ranges = values.into_iter().flat_map(|value| split(value, ','));
        let mut ranges: Vec<MediaRange> = ranges.filter(|text| !text.is_empty()).map(MediaRange::parse).collect();
        if ranges.is_empty() {
            ranges.push(MediaRange::parse("*/*"));
        }
        ranges.retain(|range| range.quality > 0.0);
        ranges.sort_by(|one, other| other.quality.total_cmp(&one.quality));
        Self(ranges)
    }

    /// The first of these media types that the client wants most, if it accepts any.
    pub(super) fn choose(&self, media_types: &[&'static str]) -> Option<&'static str> {
        let wanted = |range: &MediaRange| media_types.iter().copied().find(|one| range.covers(one).is_some());
        self.0.iter().find_map(wanted)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Accept {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let asked = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let asked = asked.map(|query| query.0).unwrap_or_default();
        let asked: Vec<&str> =
            asked.iter().filter(|(name, _)| name == "accept").map(|(_, value)| value.as_str()).collect();
        if !asked.is_empty() {
            return Ok(Self::parse(asked));
        }
        Ok(Self::parse(parts.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok())))
    }
}

/// Whether a range such as `image/*` covers a media type.
fn matches(range: &str, media_type: &str) -> bool {
    match range.strip_suffix("/*") {
        Some("*") => true,
        Some(kind) => media_type.split('/').next() == Some(kind),
        None => range == media_type,
    }
}

/// The pieces between separators that do not stand in quotes, without surrounding spaces.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    let pieces = text.split(move |character: char| {
        quoted ^= character == '"';
        character == separator && !quoted
    });
    pieces.map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_with_quotes_and_in_the_order_of_preference() {
        let accept =
            Accept::parse(["image/png;q=0.5, multipart/related; type=\"application/dicom\"; Transfer-Syntax=*"]);
        assert_eq!(accept.0[0].essence, "multipart/related");
        assert_eq!(accept.0[0].part_type.as_deref(), Some("application/dicom"));
        assert!(accept.0[0].covers_syntax("1.2.840.10008.1.2.4.70"));
        assert_eq!(accept.0[1].essence, "image/png");
    }

    #[track_caller]
    fn check(range: &str, media_type: &str, expected: Option<Form>) {
        assert_eq!(MediaRange::parse(range).covers(media_type), expected, "{range}");
    }

    #[test]
    fn a_range_covers_what_it_names() {
        check("application/dicom", "application/dicom", Some(Form::Single));
        check("image/*", "image/jpeg", Some(Form::Single));
        check("*/*", "image/jpeg", Some(Form::Either));
        check("multipart/related", "application/dicom", Some(Form::Multipart));
        check("multipart/related; type=\"image/*\"", "image/jls", Some(Form::Multipart));
        check("multipart/related; type=\"image/jp2\"", "image/jls", None);
        check("text/html", "application/dicom", None);
    }

    #[test]
    fn a_browser_gets_the_first_that_we_offer() {
        let browser = Accept::parse(["image/avif,image/webp,image/*,*/*;q=0.8"]);
        assert_eq!(browser.choose(&["image/jpeg", "image/png"]), Some("image/jpeg"));
        assert_eq!(Accept::parse(["image/png"]).choose(&["image/jpeg", "image/png"]), Some("image/png"));
        assert_eq!(Accept::parse(["image/gif"]).choose(&["image/jpeg", "image/png"]), None);
        assert_eq!(Accept::parse([]).choose(&["image/jpeg"]), Some("image/jpeg"));
    }
}
