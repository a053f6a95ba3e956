use crate::setting::{RegistryServer, assert_says, content, package, trusted, write};
use lightbox_catalogue::{FolderRegistry, PrivateKey, Registry, Wanted, mirror, pack, sign, verify};
use std::fs;

fn release(name: &str) -> Wanted {
    Wanted::Release(name.to_owned())
}

#[tokio::test]
async fn a_site_has_what_upstream_has_and_keeps_it() {
    let server = RegistryServer::start();
    let upstream = server.registry();
    let (_app, mut first) = package("", "");
    let (_next_app, next) = package("1.0.0", "1.1.0");
    let (vendor, site) = (PrivateKey::generate(), PrivateKey::generate());
    first.add_signature(sign(&first, &vendor));
    upstream.publish(&first).await.unwrap();
    upstream.publish(&next).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let here = FolderRegistry::new(folder.path());

    let send: std::pin::Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(mirror(&upstream, &here, &[]));
    let mirrored = send.await.unwrap();
    let names: Vec<_> = mirrored.added.iter().map(|pin| (pin.release.as_str(), pin.digest)).collect();
    assert_eq!(names, [("1.0.0", first.digest()), ("1.1.0", next.digest())]);
    assert!(mirrored.unchanged.is_empty() && mirrored.moved.is_empty() && mirrored.skipped.is_empty());
    let copy = here.open("bright", &release("1.0.0")).unwrap();
    copy.check().unwrap();
    verify(&copy, &[trusted("vendor", &vendor)]).unwrap();

    first.add_signature(sign(&first, &site));
    upstream.publish(&first).await.unwrap();
    let mirrored = mirror(&upstream, &here, &["bright".to_owned()]).await.unwrap();
    assert_eq!((mirrored.added.len(), mirrored.unchanged.len()), (0, 2));
    let copy = here.open("bright", &release("1.0.0")).unwrap();
    assert_eq!(verify(&copy, &[trusted("site", &site)]).unwrap().keys, ["site"], "signatures that came later come too");
}

#[tokio::test]
async fn a_release_that_changes_upstream_does_not_change_here() {
    let upstream_folder = tempfile::tempdir().unwrap();
    let upstream = Registry::Folder(FolderRegistry::new(upstream_folder.path()));
    let (_app, first) = package("", "");
    upstream.publish(&first).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let here = FolderRegistry::new(folder.path());
    mirror(&upstream, &here, &[]).await.unwrap();
    let before = content(folder.path());

    let (_other_app, other) = package("0.5", "0.6");
    fs::remove_dir_all(upstream_folder.path().join("bright")).unwrap();
    upstream.publish(&other).await.unwrap();
    let mirrored = mirror(&upstream, &here, &[]).await.unwrap();
    assert_eq!((mirrored.moved[0].pin.digest, mirrored.moved[0].upstream), (first.digest(), other.digest()));
    assert_eq!(content(folder.path()), before);

    fs::remove_dir_all(folder.path().join("bright")).unwrap();
    Registry::Folder(FolderRegistry::new(folder.path().join("elsewhere"))).publish(&other).await.unwrap();
    fs::rename(folder.path().join("elsewhere/bright"), folder.path().join("bright")).unwrap();
    assert_says(here.open("bright", &release("1.0.0")), "bright 1.0.0 is pinned as sha256:");
}

#[tokio::test]
async fn a_bad_release_is_skipped_with_the_reason_and_the_others_come() {
    let upstream_folder = tempfile::tempdir().unwrap();
    let upstream = Registry::Folder(FolderRegistry::new(upstream_folder.path()));
    let (_app, first) = package("", "");
    let (next_app, next) = package("1.0.0", "1.1.0");
    upstream.publish(&first).await.unwrap();
    upstream.publish(&next).await.unwrap();
    let model = first.files().iter().find(|file| file.path.as_str() == "model.onnx").unwrap().digest;
    write(&upstream_folder.path().join("bright/1.0.0/blobs/sha256").join(model.hex()), b"A MODEL");
    // A release under the name of another.
    pack(next_app.path()).unwrap().package.save(&upstream_folder.path().join("bright/2.0.0")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let here = FolderRegistry::new(folder.path());
    let mirrored = mirror(&upstream, &here, &[]).await.unwrap();
    assert_eq!(mirrored.added.iter().map(|pin| pin.release.as_str()).collect::<Vec<_>>(), ["1.1.0"]);
    let reasons: Vec<_> = mirrored.skipped.iter().map(|skipped| skipped.reason.as_str()).collect();
    assert!(reasons[0].contains("model.onnx was altered"), "{reasons:?}");
    assert!(reasons[1].contains("it says that it is bright 1.1.0"), "{reasons:?}");
    let left: Vec<_> =
        fs::read_dir(folder.path().join("bright")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["1.1.0"]);
}
