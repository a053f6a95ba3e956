//! In which transfer syntax an instance leaves (PS3.18 §8.7.3.4, §8.7.8.2).

use super::accept::{Accept, Form, MediaRange};
use super::{DICOM, EXPLICIT_LITTLE};
use lightbox_dicom::{can_transcode, transfer_syntax};

/// Syntaxes that web services never use (PS3.18 §8.7.3).
const NOT_ON_THE_WEB: [&str; 2] = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2"];

/// A way in which an instance can be given.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Way {
    pub(super) form: Form,
    pub(super) transfer_syntax_uid: String,
}

/// The ways in which an instance that is stored in this syntax can be given, the best first: what the client wants most,
/// and of that what is stored. Empty when the client accepts none.
pub(super) fn ways(accept: &Accept, stored: &str) -> Vec<Way> {
    let mut ways: Vec<(f32, Way)> = Vec::new();
    for range in &accept.0 {
        let Some(form) = range.covers(DICOM) else { continue };
        let syntaxes = syntaxes(range, stored).into_iter();
        ways.extend(syntaxes.map(|uid| (range.quality(), Way { form, transfer_syntax_uid: uid.to_owned() })));
    }
    let is_other = |way: &Way| way.transfer_syntax_uid != stored;
    // Without a syntax in the request, the default comes before what is stored.
    let asked = accept.0.iter().any(|range| range.covers(DICOM).is_some() && range.transfer_syntax.is_some());
    if asked {
        ways.sort_by(|(one, a), (other, b)| other.total_cmp(one).then(is_other(a).cmp(&is_other(b))));
    }
    ways.into_iter().map(|(_, way)| way).collect()
}

/// The syntaxes that a range allows, the best first.
fn syntaxes<'a>(range: &'a MediaRange, stored: &'a str) -> Vec<&'a str> {
    match range.transfer_syntax.as_deref() {
        Some("*") => vec![stored],
        Some(uid) if uid == stored || can_transcode(stored, uid) && !NOT_ON_THE_WEB.contains(&uid) => vec![uid],
        Some(_) => Vec::new(),
        // Explicit VR little endian, unless that would hide that something was lost, or cannot be made.
        None if is_decoded_by_default(stored) => vec![EXPLICIT_LITTLE, stored],
        None => vec![stored],
    }
}

fn is_decoded_by_default(stored: &str) -> bool {
    let is_lossless = transfer_syntax(stored).is_some_and(|syntax| syntax.is_lossless());
    stored != EXPLICIT_LITTLE && is_lossless && can_transcode(stored, EXPLICIT_LITTLE)
}

/// What an instance can be written as, for the capabilities.
pub(super) fn written() -> impl Iterator<Item = &'static str> {
    let written = lightbox_dicom::transfer_syntaxes().iter().filter(|syntax| syntax.encodes());
    written.map(|syntax| syntax.uid.as_str()).filter(|uid| !NOT_ON_THE_WEB.contains(uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
    const JPEG_BASELINE: &str = "1.2.840.10008.1.2.4.50";
    const RLE: &str = "1.2.840.10008.1.2.5";
    const IMPLICIT: &str = "1.2.840.10008.1.2";
    const LATER: &str = "1.2.840.10008.1.2.4.999";

    #[track_caller]
    fn check(accept: &str, stored: &str, expected: &[&str]) {
        let ways = ways(&Accept::parse([accept]), stored);
        let found: Vec<_> = ways.iter().map(|way| way.transfer_syntax_uid.as_str()).collect();
        assert_eq!(found, expected, "{accept} of {stored}");
    }

    #[test]
    fn without_a_wish_it_is_explicit_little_endian_where_nothing_was_lost() {
        for accept in ["*/*", "application/dicom", "multipart/related; type=\"application/dicom\""] {
            check(accept, EXPLICIT_LITTLE, &[EXPLICIT_LITTLE]);
            check(accept, JPEG_LS, &[EXPLICIT_LITTLE, JPEG_LS]);
            check(accept, IMPLICIT, &[EXPLICIT_LITTLE, IMPLICIT]);
            check(accept, JPEG_BASELINE, &[JPEG_BASELINE]);
            check(accept, LATER, &[LATER]);
        }
    }

    #[test]
    fn what_is_stored_goes_before_other_wishes_of_the_same_weight() {
        check("application/dicom; transfer-syntax=*", JPEG_LS, &[JPEG_LS]);
        let both = format!("application/dicom; transfer-syntax={RLE}, application/dicom; transfer-syntax={JPEG_LS}");
        check(&both, JPEG_LS, &[JPEG_LS, RLE]);
        let weighed = format!("application/dicom; transfer-syntax={RLE}, application/dicom; transfer-syntax=*; q=0.5");
        check(&weighed, JPEG_LS, &[RLE, JPEG_LS]);
    }

    #[test]
    fn what_cannot_be_made_is_no_way() {
        let only = |uid: &str| format!("application/dicom; transfer-syntax={uid}");
        check(&only(EXPLICIT_LITTLE), JPEG_BASELINE, &[EXPLICIT_LITTLE]);
        check(&only(RLE), JPEG_BASELINE, &[]);
        check(&only(IMPLICIT), EXPLICIT_LITTLE, &[]);
        check(&only(IMPLICIT), IMPLICIT, &[IMPLICIT]);
        check(&only(EXPLICIT_LITTLE), LATER, &[]);
        check("text/html", EXPLICIT_LITTLE, &[]);
    }
}
