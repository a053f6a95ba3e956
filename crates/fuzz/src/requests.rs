//! What arrives over HTTP: multipart messages (RFC 2387) and the parameters of searches (PS3.18 §8.3.4).

use lightbox_http::fuzz::{read_multipart, read_search};

/// A Content-Type, an empty line and a message, which is the same however it is cut; the first byte says into what pieces.
pub fn multipart(bytes: &[u8]) {
    let Some((length, bytes)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    let content_type = text.lines().next().unwrap_or_default();
    let message = &bytes[bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |place| place + 1)..];
    let whole = read_multipart(content_type, message, usize::MAX);
    let cut = read_multipart(content_type, message, usize::from(*length) + 1);
    assert_eq!(whole, cut, "it depends on how the bytes arrive");
}

pub fn multiparts() -> Vec<Vec<u8>> {
    let two = "multipart/related; type=\"application/dicom\"; boundary=aB\n\
               --aB\r\nContent-Type: application/dicom\r\n\r\none\r\n-\r\n--a\r\n--aB\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--aB--";
    [0, 6, 255].map(|length| [&[length], two.as_bytes()].concat()).to_vec()
}

/// Parameters are understood or refused, at every level.
pub fn query(bytes: &[u8]) {
    let (query, accept) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()));
    let pairs: Vec<_> = form_urlencoded::parse(query).into_owned().collect();
    read_search(&pairs, &String::from_utf8_lossy(accept));
}

pub fn queries() -> Vec<Vec<u8>> {
    [
        "PatientName=M%C3%BCller*&fuzzymatching=true&limit=10&offset=5",
        "StudyDate=20240101-20241231&StudyTime=-1200&includefield=00081030,all&ModalitiesInStudy=CT\\MR",
        "StudyInstanceUID=1.2.3,1.2.4&00100020=A?B&includefield=00081110.00081150\n\
         multipart/related; type=\"application/dicom\"; transfer-syntax=*; q=0.5, */*",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
