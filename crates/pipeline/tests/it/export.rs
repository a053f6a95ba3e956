//! A study as an archive.

use crate::harness::TestPipeline;
use lightbox_pipeline::Leaving;
use lightbox_pipeline::export::write_zip;
use lightbox_testkit::Film;
use std::collections::BTreeMap;
use std::io::{Cursor, Read};

/// The files of an archive by name.
fn files(archive: Vec<u8>) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).expect("an archive");
    let names: Vec<String> = archive.file_names().map(|name| name.expect("a name").into_owned()).collect();
    let mut read = |name: String| {
        let mut bytes = Vec::new();
        archive.by_name(&name).expect("a file").read_to_end(&mut bytes).expect("read, and its checksum is right");
        (name, bytes)
    };
    names.into_iter().map(&mut read).collect()
}

#[tokio::test]
async fn an_archive_holds_every_file_as_it_was_received_under_a_name_of_its_own() {
    let test = TestPipeline::open().await;
    let film = |series: &str, sop: &str, number: &str| {
        Film::new().uids("1.2.1", series, sop).set_keyword("InstanceNumber", number).bytes()
    };
    let sent = [
        ("DICOM/ST000001/SE000001/IM000001", film("1.2.1.1", "1.2.1.1.1", "1")),
        ("DICOM/ST000001/SE000001/IM000002", film("1.2.1.1", "1.2.1.1.2", "1")),
        ("DICOM/ST000001/SE000001/IM000003", film("1.2.1.1", "1.2.1.1.3", "12")),
        ("DICOM/ST000001/SE000002/IM000001", film("1.2.1.2", "1.2.1.2.1", "1")),
    ];
    for (_, bytes) in &sent {
        test.receive(bytes.clone()).await.expect("received");
    }
    let instances = test.store().instances_of_study("1.2.1").await.expect("instances");
    let leaving = Leaving::of_study(test.store(), "1.2.1").await.expect("known");
    let mut archive = Vec::new();
    write_zip(&leaving, &instances, &mut archive).expect("written");
    let mut files = files(archive);
    assert!(files.remove("README.TXT").is_some());
    assert!(files.remove("DICOMDIR").is_some(), "what it says, others read in the tests of its crate");
    let expected = sent.map(|(name, bytes)| (name.to_owned(), bytes));
    assert_eq!(files, BTreeMap::from(expected));

    std::fs::remove_file(test.store().blobs().path(&instances[2].blob)).expect("removed");
    write_zip(&leaving, &instances, std::io::sink()).expect_err("a file is missing");
}
