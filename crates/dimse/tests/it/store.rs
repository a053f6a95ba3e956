//! C-STORE as SCP.

use crate::caller::{Caller, command, command_pdu, echo_request, store_request};
use crate::object::{BIG_ENDIAN, EXPLICIT, IMPLICIT, JPEG_LS, Object};
use crate::setting::{Setting, call, said};
use lightbox_dicom::DatasetHasher;
use lightbox_dimse::{Target, send_files};
use lightbox_testkit::samples;
use std::path::{Path, PathBuf};

fn data_set_hash(file: &Path) -> String {
    let mut hasher = DatasetHasher::new();
    hasher.update(&std::fs::read(file).unwrap());
    hasher.finish().data_set_digest
}

fn real_files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(samples()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "dcm")).collect();
    files.sort();
    files
}

#[tokio::test]
async fn echo_is_answered_to_dcmtk() {
    let setting = Setting::start().await;
    let echoed = call("echoscu", "TEST", setting.address, &[]).await;
    assert!(echoed.status.success(), "{}", said(&echoed));
}

#[tokio::test]
async fn real_images_of_all_syntaxes_arrive_from_dcmtk() {
    let setting = Setting::start().await;
    let files = real_files();
    assert!(files.len() >= 17, "the samples are complete");
    let mut arguments = vec!["--decompress-never"];
    arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
    let sent = call("dcmsend", "TEST", setting.address, &arguments).await;
    assert!(sent.status.success(), "{}", said(&sent));
    assert_eq!(setting.files_kept().await, files.len());
    assert_eq!(setting.files_on_disk(), files.len());
}

#[tokio::test]
async fn data_sets_are_kept_byte_for_byte() {
    let setting = Setting::start().await;
    let folder = tempfile::tempdir().unwrap();
    let syntaxes = [IMPLICIT, EXPLICIT, BIG_ENDIAN, JPEG_LS, "1.2.840.10008.1.2.4.999"];
    let objects: Vec<_> = (1..).zip(syntaxes).map(|(number, uid)| Object::in_syntax(number, uid)).collect();
    let mut files: Vec<_> = objects.iter().map(|object| object.write(folder.path())).collect();
    files.extend(real_files());
    let target = Target {
        host: "127.0.0.1".to_owned(),
        port: setting.address.port(),
        called: "LIGHTBOX".to_owned(),
        calling: "TEST".to_owned(),
        tls: None,
    };
    let mut sent = Vec::new();
    send_files(&target, &files, |path, outcome| sent.push((path.to_owned(), outcome.unwrap()))).await.unwrap();
    assert_eq!(sent.len(), files.len());

    for object in &objects {
        let stored = setting.instance(&object.sop_instance_uid).await.expect("it is stored");
        assert_eq!(stored.transfer_syntax_uid.as_str(), object.transfer_syntax_uid);
        assert_eq!(stored.source, "peer:TEST");
    }
    let mut expected: Vec<_> = files.iter().map(|file| data_set_hash(file)).collect();
    let kept = setting.store.files_after("", 1_000).await.unwrap();
    let mut found: Vec<_> = kept.iter().map(|(key, _, _)| data_set_hash(&setting.store.blobs().path(key))).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn unknown_and_private_classes_are_kept() {
    let setting = Setting::start().await;
    let later = Object { sop_class_uid: "1.2.840.10008.5.1.4.1.1.9999".to_owned(), ..Object::new(1) };
    let private = Object { sop_class_uid: "1.3.12.2.1107.5.9.1".to_owned(), ..Object::new(2) };
    let mut caller = Caller::associated(setting.address, &[&later, &private]).await;
    assert_eq!(caller.store(3, &later).await.status, 0);
    assert_eq!(caller.store(5, &private).await.status, 0);
    caller.release().await;
    assert_eq!(setting.files_kept().await, 2);
}

#[tokio::test]
async fn the_same_instance_again_is_a_success_without_work() {
    let setting = Setting::start().await;
    let object = Object::new(1);
    for _ in 0..2 {
        let mut caller = Caller::associated(setting.address, &[&object]).await;
        let response = caller.store(3, &object).await;
        assert_eq!((response.command_field, response.status), (0x8001, 0));
        assert_eq!(response.sop_instance_uid, object.sop_instance_uid);
        caller.release().await;
    }
    assert_eq!((setting.files_kept().await, setting.files_on_disk()), (1, 1));
}

#[tokio::test]
async fn another_instance_with_a_known_uid_is_shelved_with_a_warning() {
    let setting = Setting::start().await;
    let first = Object::new(1);
    let second = Object { comment: "another phantom".to_owned(), ..first.clone() };
    let mut caller = Caller::associated(setting.address, &[&first]).await;
    assert_eq!(caller.store(3, &first).await.status, 0);
    let response = caller.store(3, &second).await;
    assert_eq!(response.status, 0xB000);
    assert!(response.comment.contains("shelved"), "{response:?}");
    assert_eq!(setting.files_kept().await, 2);
    let served = setting.instance(&first.sop_instance_uid).await.unwrap();
    let path = setting.store.blobs().path(&served.blob);
    assert!(std::fs::read(path).unwrap().ends_with(&first.data_set()), "the first one stays");
}

#[tokio::test]
async fn what_is_no_whole_instance_is_refused_and_the_association_goes_on() {
    let setting = Setting::start().await;
    let good = Object::new(1);
    let nameless = Object { study_instance_uid: String::new(), ..Object::new(2) };
    let mut caller = Caller::associated(setting.address, &[&good]).await;

    caller.send(&command_pdu(3, &store_request(&good))).await;
    let data_set = good.data_set();
    caller.send_data(3, &data_set[..data_set.len() / 2], 1_000, true).await;
    let response = caller.response().await;
    assert_eq!(response.status, 0xC000);
    assert!(response.comment.contains("cut short"), "{response:?}");

    caller.send(&command_pdu(3, &store_request(&good))).await;
    caller.send_data(3, &[0xA5; 5_000], 1_000, true).await;
    assert_eq!(caller.response().await.status, 0xC000);

    let response = caller.store(3, &nameless).await;
    assert_eq!(response.status, 0xC000);
    assert!(response.comment.contains("StudyInstanceUID"), "{response:?}");
    assert_eq!((setting.files_kept().await, setting.files_on_disk()), (0, 0));

    assert_eq!(caller.store(3, &good).await.status, 0);
    caller.release().await;
    assert_eq!(setting.files_kept().await, 1);
}

#[tokio::test]
async fn a_data_set_that_is_not_what_was_announced_is_refused() {
    let setting = Setting::start().await;
    for syntax in [IMPLICIT, EXPLICIT, BIG_ENDIAN, JPEG_LS] {
        let announced = Object::in_syntax(1, syntax);
        let sent = Object::in_syntax(2, syntax);
        let mut caller = Caller::associated(setting.address, &[&announced]).await;
        caller.send(&command_pdu(3, &store_request(&announced))).await;
        caller.send_data(3, &sent.data_set(), 700, true).await;
        let response = caller.response().await;
        assert_eq!(response.status, 0xA900, "{syntax}");
        assert!(response.comment.contains("SOPInstanceUID"), "{response:?}");
        assert_eq!(caller.echo().await.status, 0);
    }
    assert_eq!((setting.files_kept().await, setting.files_on_disk()), (0, 0));
}

#[tokio::test]
async fn an_instance_beyond_the_limit_is_refused_and_read_to_its_end() {
    let setting = Setting::start_with(|limits| limits.instance_bytes_max = 20_000).await;
    let large = Object { pixel_bytes: 3_000_000, ..Object::new(1) };
    let small = Object::new(2);
    let mut caller = Caller::associated(setting.address, &[&large]).await;
    let response = caller.store(3, &large).await;
    assert_eq!(response.status, 0xA700);
    assert!(response.comment.contains("20000 bytes"), "{response:?}");
    assert_eq!(caller.store(3, &small).await.status, 0);
    assert_eq!((setting.files_kept().await, setting.files_on_disk()), (1, 1));
}

#[tokio::test]
async fn operations_that_are_not_served_say_so() {
    let setting = Setting::start().await;
    let object = Object::new(1);
    let mut caller = Caller::associated(setting.address, &[&object]).await;
    let find = command(0x0020, 0x0000, "1.2.840.10008.5.1.4.1.2.2.1", "");
    caller.send(&command_pdu(3, &find)).await;
    caller.send_data(3, &object.data_set(), 1_000, true).await;
    let response = caller.response().await;
    assert_eq!((response.command_field, response.status), (0x8020, 0x0211));

    let nothing_named = command(0x0001, 0x0000, "", "");
    caller.send(&command_pdu(3, &nothing_named)).await;
    caller.send_data(3, &object.data_set(), 1_000, true).await;
    assert_eq!(caller.response().await.status, 0xC000);

    // A cancel has no response: the next one belongs to the echo.
    caller.send(&command_pdu(1, &command(0x0FFF, 0x0101, "", ""))).await;
    caller.send(&command_pdu(1, &echo_request())).await;
    assert_eq!(caller.response().await.command_field, 0x8030);
}

#[tokio::test]
async fn two_associations_at_once_lose_nothing() {
    let setting = Setting::start().await;
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = (1..=40).map(|number| Object::new(number).write(folder.path())).collect();
    let names: Vec<_> = files.iter().map(|file| file.to_str().unwrap()).collect();
    let (first, second) = tokio::join!(
        call("storescu", "TEST", setting.address, &names[..20]),
        call("storescu", "TEST", setting.address, &names[20..]),
    );
    assert!(first.status.success() && second.status.success(), "{}{}", said(&first), said(&second));
    assert_eq!((setting.files_kept().await, setting.files_on_disk()), (40, 40));
    assert_eq!(setting.store.instances_of_study("1.2.3.4").await.unwrap().len(), 40);
}
