//! WADO-RS (PS3.18 §10.4).

use crate::door::{Client, Door};
use lightbox_domain::{Limits, Role};
use lightbox_pipeline::describe::describe;
use lightbox_store::SeriesMetadata;
use lightbox_testkit::Film;
use serde_json::json;

const INSTANCE: &str = "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3";
const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
const RLE: &str = "1.2.840.10008.1.2.5";
const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";

async fn with_film(film: &Film) -> (Door, Client) {
    let door = Door::open().await;
    door.put(film).await;
    let client = door.client(Role::Radiologist).await;
    (door, client)
}

#[tokio::test]
async fn an_instance_leaves_as_it_came_bit_for_bit() {
    let film = Film::new().syntax(JPEG_LS);
    let (_door, client) = with_film(&film).await;
    let single = client.accept(INSTANCE, "application/dicom; transfer-syntax=*").await;
    assert_eq!((single.code(), single.header("content-type")), (200, "application/dicom"));
    assert_eq!(single.header("content-length"), film.bytes().len().to_string());
    assert_eq!(single.body, film.bytes());

    let own = format!("application/dicom; transfer-syntax={JPEG_LS}");
    for accept in ["multipart/related; type=\"application/dicom\"; transfer-syntax=*", &format!("image/png, {own}")] {
        let reply = client.accept(INSTANCE, accept).await;
        let bytes = if accept.starts_with("multipart") { reply.parts().remove(0).1 } else { reply.body };
        assert!(bytes == film.bytes(), "{accept}");
    }
    for accept in ["application/dicom; transfer-syntax=1.2.840.10008.1.2", "text/html"] {
        assert_eq!(client.accept(INSTANCE, accept).await.code(), 406, "{accept}");
    }
}

/// The transfer syntax of a file and its pixels.
fn read(bytes: &[u8]) -> (String, Vec<u8>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let header = lightbox_dicom::Header::read(file.path()).unwrap();
    let frame = lightbox_dicom::native_frame(file.path(), 0, &Limits::default()).unwrap();
    (header.transfer_syntax_uid().to_owned(), frame.bytes)
}

#[tokio::test]
async fn an_instance_leaves_in_the_syntax_that_is_asked_for() {
    let film = Film::new().syntax(JPEG_LS);
    let (_door, client) = with_film(&film).await;
    let (_, pixels) = read(&film.bytes());
    for accept in ["*/*", "multipart/related", "multipart/related; type=\"application/dicom\""] {
        let parts = client.accept(INSTANCE, accept).await.parts();
        assert_eq!(parts[0].0, format!("application/dicom; transfer-syntax={EXPLICIT_LITTLE}"), "{accept}");
        assert_eq!(read(&parts[0].1), (EXPLICIT_LITTLE.to_owned(), pixels.clone()), "{accept}");
    }
    for syntax in [EXPLICIT_LITTLE, RLE, "1.2.840.10008.1.2.1.99"] {
        let one = client.accept(INSTANCE, &format!("application/dicom; transfer-syntax={syntax}")).await;
        assert_eq!(one.header("content-type"), format!("application/dicom; transfer-syntax={syntax}"));
        assert_eq!(read(&one.body), (syntax.to_owned(), pixels.clone()));
    }
    let refused = client.accept(INSTANCE, "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50").await;
    assert_eq!(refused.code(), 406);
    assert!(refused.text().contains("transfer-syntax=* takes it as it is"), "{}", refused.text());
    let in_address = "?accept=application/dicom;transfer-syntax=1.2.840.10008.1.2.5";
    assert_eq!(read(&client.get(&format!("{INSTANCE}{in_address}")).await.body).0, RLE);
}

#[tokio::test]
async fn a_study_of_many_syntaxes_leaves_in_one() {
    let (door, client) = with_film(&Film::new().syntax(JPEG_LS)).await;
    door.put(&Film::new().uids("2.25.1", "2.25.2", "2.25.4").set_keyword("InstanceNumber", "2")).await;
    let syntaxes = async |accept: &str| {
        let parts = client.accept("/dicomweb/studies/2.25.1", accept).await.parts();
        parts.iter().map(|(_, bytes)| read(bytes).0).collect::<Vec<_>>()
    };
    let of = |syntax: &str| format!("multipart/related; type=\"application/dicom\"; transfer-syntax={syntax}");
    assert_eq!(syntaxes("*/*").await, [EXPLICIT_LITTLE; 2]);
    assert_eq!(syntaxes(&of("*")).await, [JPEG_LS, EXPLICIT_LITTLE]);
    assert_eq!(syntaxes(&of(RLE)).await, [RLE; 2]);
    assert_eq!(syntaxes(&format!("{}, {}", of(RLE), of(JPEG_LS))).await, [JPEG_LS, RLE], "what is stored goes before");
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let (door, client) = with_film(&Film::new()).await;
    let ask = async |path: &str, headers: &[(&str, &str)]| client.send("GET", path, headers, Vec::new()).await;
    let study = "/dicomweb/studies/2.25.1";
    for (path, is_of_one) in [
        (INSTANCE.to_owned(), false),
        (format!("{INSTANCE}?accept=application/dicom;transfer-syntax=*"), true),
        (format!("{INSTANCE}/frames/1"), true),
        (format!("{INSTANCE}/rendered"), true),
        (format!("{INSTANCE}/bulkdata/00100010"), true),
        (format!("{INSTANCE}/metadata"), false),
        (format!("{study}/metadata"), false),
        (study.to_owned(), false),
        (format!("{study}/thumbnail"), true),
    ] {
        let first = ask(&path, &[]).await;
        let etag = first.header("etag").to_owned();
        assert!(first.code() == 200 && !etag.is_empty(), "{path}");
        let again = ask(&path, &[("if-none-match", &etag)]).await;
        assert_eq!((again.code(), again.body.len(), again.header("vary")), (304, 0, "accept"), "{path}");
        assert_eq!(ask(&path, &[("if-none-match", "\"other\"")]).await.code(), 200, "{path}");
        assert_ne!(ask(&path, &[("accept", "*/*;q=0.5")]).await.header("etag"), etag, "{path}: another request");
        let since = first.header("last-modified").to_owned();
        assert_eq!(!since.is_empty(), is_of_one, "{path}");
        if is_of_one {
            assert_eq!(ask(&path, &[("if-modified-since", &since)]).await.code(), 304, "{path}");
        }
    }
    let before = ask(study, &[]).await.header("etag").to_owned();
    door.put(&Film::new().uids("2.25.1", "2.25.2", "2.25.4")).await;
    for path in [study.to_owned(), format!("{study}/metadata")] {
        assert_eq!(ask(&path, &[("if-none-match", &before)]).await.code(), 200, "{path}: another instance came");
    }
    let nobody = door.nobody();
    assert_eq!(nobody.send("GET", study, &[("if-none-match", "*")], Vec::new()).await.code(), 401);
}

#[tokio::test]
async fn a_piece_of_one_part_is_given() {
    let film = Film::new();
    let (_door, client) = with_film(&film).await;
    let whole = film.bytes();
    let stored = format!("{INSTANCE}?accept=application/dicom");
    let ask = async |path: &str, range: &str| client.send("GET", path, &[("range", range)], Vec::new()).await;
    let piece = ask(&stored, "bytes=128-131").await;
    assert_eq!((piece.code(), piece.text()), (206, "DICM".to_owned()));
    assert_eq!(piece.header("content-range"), format!("bytes 128-131/{}", whole.len()));
    assert_eq!((piece.header("content-length"), piece.header("accept-ranges")), ("4", "bytes"));
    assert_eq!(ask(&stored, "bytes=-16").await.body, whole[whole.len() - 16..]);
    assert_eq!(ask(&stored, "bytes=100-").await.body, whole[100..]);
    let nothing = ask(&stored, &format!("bytes={}-", whole.len())).await;
    assert_eq!((nothing.code(), nothing.header("content-range")), (416, format!("bytes */{}", whole.len()).as_str()));
    let frame = format!("{INSTANCE}/frames/1?accept=application/octet-stream");
    let piece = ask(&frame, "bytes=1-2").await;
    assert_eq!((piece.code(), &piece.body[..]), (206, &[17, 34][..]));
    let name = ask(&format!("{INSTANCE}/bulkdata/00100010?accept=application/octet-stream"), "bytes=0-6").await;
    assert_eq!((name.code(), name.text()), (206, "Phantom".to_owned()));
    let etag = piece.header("etag").to_owned();
    let other = client.send("GET", &frame, &[("range", "bytes=1-2"), ("if-range", "\"other\"")], Vec::new()).await;
    assert_eq!((other.code(), other.body.len()), (200, 16 * 16));
    let same = client.send("GET", &frame, &[("range", "bytes=1-2"), ("if-range", &etag)], Vec::new()).await;
    assert_eq!(same.code(), 206);
    assert_eq!(ask(INSTANCE, "bytes=0-3").await.code(), 200, "of several parts, all is given");
}

#[tokio::test]
async fn a_study_has_a_thumbnail() {
    let (door, client) = with_film(&Film::new().size(200, 400)).await;
    let size = async |path: &str| {
        let png = client.accept(&format!("/dicomweb/studies/2.25.1{path}"), "image/png").await;
        let number = |at: usize| u32::from_be_bytes(png.body[at..at + 4].try_into().unwrap());
        assert_eq!(png.code(), 200, "{path}: {}", png.text());
        (number(16), number(20))
    };
    assert_eq!(size("/thumbnail").await, (128, 64));
    assert_eq!(size("/series/2.25.2/thumbnail?viewport=64,64").await, (64, 32));
    assert_eq!(client.get("/dicomweb/studies/2.25.404/thumbnail").await.code(), 404);
    assert_eq!(client.get("/dicomweb/studies/2.25.1/series/2.25.404/thumbnail").await.code(), 404);
    assert_eq!(client.get("/dicomweb/studies/2.25.1/thumbnail?viewport=0,0").await.code(), 400);
    drop(door);
}

#[tokio::test]
async fn a_study_and_a_series_leave_as_parts() {
    let (door, client) = with_film(&Film::new()).await;
    let second = Film::new().uids("2.25.1", "2.25.5", "2.25.6");
    door.put(&second).await;
    let study = client.get("/dicomweb/studies/2.25.1").await;
    assert!(study.header("content-type").starts_with("multipart/related; type=\"application/dicom\"; boundary="));
    let bodies: Vec<_> = study.parts().into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, [Film::new().bytes(), second.bytes()]);
    let series = client.get("/dicomweb/studies/2.25.1/series/2.25.5").await.parts();
    assert_eq!(series[0].1, second.bytes());
    assert_eq!(client.accept("/dicomweb/studies/2.25.1", "application/dicom").await.code(), 406);
    for missing in ["/dicomweb/studies/2.25.404", "/dicomweb/studies/2.25.1/series/2.25.404"] {
        assert_eq!(client.get(missing).await.code(), 404);
    }
    let elsewhere = "/dicomweb/studies/2.25.1/series/2.25.5/instances/2.25.3";
    assert_eq!(client.get(elsewhere).await.code(), 404, "the instance is of another series");
    assert_eq!(client.get("/dicomweb/studies/1..2").await.code(), 400);
}

#[tokio::test]
async fn metadata_are_the_same_whether_they_are_kept_or_read() {
    let door = Door::open().await;
    for (series, instance, number) in [("2.25.2", "2.25.3", "2"), ("2.25.2", "2.25.4", "1"), ("2.25.8", "2.25.9", "1")]
    {
        let film = Film::new().uids("2.25.1", series, instance).set_keyword("InstanceNumber", number);
        door.put(&film.set_keyword("StudyDescription", "\"BulkDataURI\":\"lightbox-origin:")).await;
    }
    let client = door.client(Role::Clinician).await;
    let paths = ["/dicomweb/studies/2.25.1/metadata", "/dicomweb/studies/2.25.1/series/2.25.2/metadata"];
    let read = [client.get(paths[0]).await.json(), client.get(paths[1]).await.json()];
    let one = format!("{}/instances/2.25.4/metadata", paths[1].trim_end_matches("/metadata"));
    let read_one = client.get(&one).await.json();
    assert_eq!((read[0].as_array().unwrap().len(), read[1].as_array().unwrap().len()), (3, 2));

    describe(&door.store, "2.25.1", "2.25.2").await.unwrap();
    let half = [client.get(paths[0]).await.json(), client.get(paths[1]).await.json()];
    assert_eq!(half, read);
    // From the disk, then from memory.
    for _ in 0..2 {
        assert_eq!(client.get(&one).await.json(), read_one);
    }
    assert_eq!(read_one[0], read[1][0], "the first of its series");
    describe(&door.store, "2.25.1", "2.25.8").await.unwrap();
    assert!(door.store.metadata_of_study("2.25.1").await.unwrap().iter().all(SeriesMetadata::is_kept));
    assert_eq!(client.get(paths[0]).await.json(), read[0]);

    // Another instance: what is kept no longer tells of all.
    door.put(&Film::new().uids("2.25.1", "2.25.2", "2.25.5")).await;
    assert_eq!(client.get(paths[1]).await.json().as_array().unwrap().len(), 3);
    describe(&door.store, "2.25.1", "2.25.2").await.unwrap();
    assert_eq!(client.get(paths[1]).await.json().as_array().unwrap().len(), 3);
    assert_eq!(client.get("/dicomweb/studies/2.25.404/metadata").await.code(), 404);
}

#[tokio::test]
async fn metadata_are_dicom_json_without_pixels() {
    let (door, client) = with_film(&Film::new()).await;
    door.put(&Film::new().uids("2.25.1", "2.25.2", "2.25.4").set_keyword("InstanceNumber", "2")).await;
    let one = client.get(&format!("{INSTANCE}/metadata")).await;
    assert_eq!(one.header("content-type"), "application/dicom+json");
    let one = one.json();
    assert_eq!(one[0]["00080018"], json!({ "vr": "UI", "Value": ["2.25.3"] }));
    let uri = one[0]["7FE00010"]["BulkDataURI"].as_str().unwrap();
    assert_eq!(uri, format!("http://lightbox.test{INSTANCE}/bulkdata/7FE00010"));
    let pixels = client.get(uri.trim_start_matches("http://lightbox.test")).await.parts();
    assert_eq!(pixels[0].1.len(), 16 * 16);
    let name = client.accept(&format!("{INSTANCE}/bulkdata/00100010"), "application/octet-stream").await;
    assert_eq!(name.text().trim(), "Phantom^Pia");
    assert_eq!(client.get(&format!("{INSTANCE}/bulkdata/00100011")).await.code(), 404);
    assert_eq!(client.get(&format!("{INSTANCE}/bulkdata/PatientName")).await.code(), 400);

    for path in ["/dicomweb/studies/2.25.1/metadata", "/dicomweb/studies/2.25.1/series/2.25.2/metadata"] {
        let rows = client.get(path).await.json();
        let uids: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["00080018"]["Value"][0].clone()).collect();
        assert_eq!(uids, ["2.25.3", "2.25.4"]);
    }
    assert_eq!(client.accept(&format!("{INSTANCE}/metadata"), "application/dicom+xml").await.code(), 406);
}

#[tokio::test]
async fn frames_leave_as_stored_or_decoded() {
    let native = Film::new().frames(3);
    let (_door, client) = with_film(&native).await;
    let octets = format!("application/octet-stream; transfer-syntax={EXPLICIT_LITTLE}");
    let parts = client.get(&format!("{INSTANCE}/frames/1,3")).await.parts();
    assert_eq!(parts.len(), 2);
    assert_eq!((parts[0].0.as_str(), parts[0].1.len()), (octets.as_str(), 16 * 16));
    let single = client.accept(&format!("{INSTANCE}/frames/2"), "application/octet-stream").await;
    assert_eq!((single.header("content-type"), single.body.len()), (octets.as_str(), 16 * 16));
    assert_eq!(single.body[..3], [0, 17, 34]);
    assert_eq!(client.accept(&format!("{INSTANCE}/frames/1,2"), "application/octet-stream").await.code(), 406);
    for (frames, expected) in [("4", 404), ("0", 400), ("one", 400), ("1,", 400)] {
        assert_eq!(client.get(&format!("{INSTANCE}/frames/{frames}")).await.code(), expected, "{frames}");
    }
}

#[tokio::test]
async fn a_compressed_frame_is_decoded_for_those_who_ask_for_octets() {
    let (_door, client) = with_film(&Film::new().syntax(JPEG_LS)).await;
    let stored = client.get(&format!("{INSTANCE}/frames/1")).await.parts();
    assert_eq!(stored[0].0, format!("image/jls; transfer-syntax={JPEG_LS}"));
    assert_eq!(stored[0].1[..2], [0xFF, 0xD8]);
    let accept = "multipart/related; type=application/octet-stream; transfer-syntax=*";
    let decoded = client.accept(&format!("{INSTANCE}/frames/1"), accept).await.parts();
    assert_eq!((decoded[0].1.len(), &decoded[0].1[..3]), (16 * 16, &[0, 17, 34][..]));
    assert_eq!(client.accept(&format!("{INSTANCE}/frames/1"), "image/jp2").await.code(), 406);
}

#[tokio::test]
async fn images_are_rendered_in_the_asked_size_and_type() {
    let (_door, client) = with_film(&Film::new().size(200, 400).frames(2)).await;
    let jpeg = client.accept(&format!("{INSTANCE}/rendered"), "image/avif,image/webp,image/*,*/*;q=0.8").await;
    assert_eq!((jpeg.code(), jpeg.header("content-type")), (200, "image/jpeg"));
    assert_eq!(jpeg.body[..2], [0xFF, 0xD8]);

    let size = async |path: &str| {
        let png = client.accept(&format!("{INSTANCE}{path}"), "image/png").await;
        assert_eq!((png.code(), png.header("content-type")), (200, "image/png"), "{path}: {}", png.text());
        let number = |at: usize| u32::from_be_bytes(png.body[at..at + 4].try_into().unwrap());
        (number(16), number(20))
    };
    assert_eq!(size("/rendered").await, (400, 200));
    assert_eq!(size("/rendered?viewport=96,96").await, (96, 48));
    assert_eq!(size("/rendered?window=128,64,linear&quality=50").await, (400, 200));
    assert_eq!(size("/thumbnail").await, (128, 64));
    assert_eq!(size("/frames/2/rendered").await, (400, 200));
    assert_eq!(size("/frames/2/thumbnail").await, (128, 64));
    for (path, expected) in [
        ("/rendered?window=1", 400),
        ("/rendered?viewport=0,0", 400),
        ("/rendered?quality=0", 400),
        ("/frames/3/rendered", 404),
        ("/frames/1,2/rendered", 400),
    ] {
        assert_eq!(client.accept(&format!("{INSTANCE}{path}"), "image/png").await.code(), expected, "{path}");
    }
    assert_eq!(client.accept(&format!("{INSTANCE}/rendered"), "image/gif").await.code(), 406);
}
