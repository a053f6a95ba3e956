//! WADO-RS (PS3.18 §10.4).

use crate::door::{Client, Door};
use lightbox_domain::Role;
use lightbox_pipeline::describe::describe;
use lightbox_store::SeriesMetadata;
use lightbox_testkit::Film;
use serde_json::json;

const INSTANCE: &str = "/dicomweb/studies/2.25.1/series/2.25.2/instances/2.25.3";
const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
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

    for accept in ["multipart/related; type=\"application/dicom\"; transfer-syntax=*", "*/*", "multipart/related"] {
        let parts = client.accept(INSTANCE, accept).await.parts();
        assert_eq!(parts, [(format!("application/dicom; transfer-syntax={JPEG_LS}"), film.bytes())], "{accept}");
    }
    for accept in ["application/dicom; transfer-syntax=1.2.840.10008.1.2", "text/html"] {
        assert_eq!(client.accept(INSTANCE, accept).await.code(), 406, "{accept}");
    }
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
    assert_eq!((read[0].as_array().unwrap().len(), read[1].as_array().unwrap().len()), (3, 2));

    describe(&door.store, "2.25.1", "2.25.2").await.unwrap();
    let half = [client.get(paths[0]).await.json(), client.get(paths[1]).await.json()];
    assert_eq!(half, read);
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
