//! A second implementation reads and moves what we write, and we what it writes.

use crate::setting::{RegistryServer, package, run, trusted};
use lightbox_catalogue::{Digest, Package, PrivateKey, SignatureError, Wanted, sign, verify};
use std::process::Command;

fn skopeo(arguments: &[&str]) -> Vec<u8> {
    run(Command::new("skopeo").arg("--insecure-policy").args(arguments))
}

#[tokio::test]
async fn skopeo_reads_our_layouts_and_moves_them() {
    let server = RegistryServer::start();
    let (_app, mut package) = package("", "");
    let key = PrivateKey::generate();
    package.add_signature(sign(&package, &key));
    let place = tempfile::tempdir().unwrap();
    let (layout, tar) = (place.path().join("layout"), place.path().join("it.tar"));
    package.save(&layout).unwrap();
    package.save(&tar).unwrap();
    for source in [format!("oci:{}:1.0.0", layout.display()), format!("oci-archive:{}:1.0.0", tar.display())] {
        let manifest = skopeo(&["inspect", "--raw", &source]);
        assert_eq!(Digest::of(&manifest), package.digest(), "{source}");
        let configuration = skopeo(&["inspect", "--config", "--raw", &source]);
        assert_eq!(configuration, package.description().as_bytes());
    }
    // From our layout into a registry, and from there to us: the release, without its signatures, which skopeo leaves.
    let theirs = format!("docker://{}/site/apps/bright:1.0.0", server.host);
    skopeo(&["copy", "--quiet", "--dest-tls-verify=false", &format!("oci:{}:1.0.0", layout.display()), &theirs]);
    let wanted = Wanted::Digest(package.digest());
    let fetched = server.registry().fetch("bright", &wanted, &place.path().join("fetched")).await.unwrap();
    assert_eq!(fetched.files(), package.files());
    assert!(matches!(verify(&fetched, &[trusted("key", &key)]), Err(SignatureError::Unsigned { .. })));
    // From us into the registry, and by skopeo into a layout that we open.
    server.registry().publish(&package).await.unwrap();
    let copy = place.path().join("copy");
    skopeo(&["copy", "--quiet", "--src-tls-verify=false", &theirs, &format!("oci:{}:it", copy.display())]);
    let opened = Package::open(&copy).unwrap();
    opened.check().unwrap();
    assert_eq!(opened.digest(), package.digest());
    // The list of signatures, by the tag that distribution-spec 1.1 gives it, is an index like any other.
    let list = format!("docker://{}/site/apps/bright:{}", server.host, package.digest().to_string().replace(':', "-"));
    let index: serde_json::Value =
        serde_json::from_slice(&skopeo(&["inspect", "--tls-verify=false", "--raw", &list])).unwrap();
    assert_eq!(index["manifests"][0]["artifactType"], "application/vnd.lightbox.signature.v1");
}
