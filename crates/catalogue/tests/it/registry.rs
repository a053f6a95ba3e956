//! Against Docker's registry 2.8, which knows nothing of referrers, and a folder.

use crate::setting::{RegistryServer, assert_says, content, package, run, trusted, write};
use lightbox_catalogue::{
    Access, Options, Package, PackageError, PrivateKey, Registry, RegistryError, Wanted, pack, sign, verify,
    verify_unpacked,
};
use rand::Rng as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use tempfile::TempDir;

/// A server answers on threads of its own choice.
fn sendable<T: Send>(it: T) -> T {
    it
}

fn release(name: &str) -> Wanted {
    Wanted::Release(name.to_owned())
}

/// The same story in either kind.
async fn tell(registry: &Registry) {
    let place = tempfile::tempdir().unwrap();
    let (_app, mut package) = package("", "");
    let (vendor, site) = (PrivateKey::generate(), PrivateKey::generate());
    package.add_signature(sign(&package, &vendor));
    assert!(sendable(registry.publish(&package)).await.unwrap());
    assert!(!registry.publish(&package).await.unwrap(), "twice is once");
    assert_eq!(sendable(registry.digest("bright", "1.0.0")).await.unwrap(), package.digest());

    for (name, wanted) in [("by-name", release("1.0.0")), ("by-digest", Wanted::Digest(package.digest()))] {
        let fetched = sendable(registry.fetch("bright", &wanted, &place.path().join(name))).await.unwrap();
        fetched.check().unwrap();
        assert_eq!((fetched.digest(), fetched.signatures()), (package.digest(), package.signatures()));
        assert_eq!(verify(&fetched, &[trusted("vendor", &vendor)]).unwrap().keys, ["vendor"]);
    }
    package.save(&place.path().join("saved")).unwrap();
    assert_eq!(content(&place.path().join("by-name")), content(&place.path().join("saved")), "to the byte");

    package.add_signature(sign(&package, &site));
    assert!(!registry.publish(&package).await.unwrap());
    let signatures = sendable(registry.signatures("bright", package.digest())).await.unwrap();
    assert_eq!(signatures.len(), 2, "a signature that came later is added");

    let (_other_app, other) = crate::setting::package("0.5", "0.6");
    let taken = registry.publish(&other).await.unwrap_err();
    assert!(matches!(taken, RegistryError::ReleaseTaken { found, .. } if found == package.digest()), "{taken}");
    let (_next_app, next) = crate::setting::package("1.0.0", "1.1.0+b2");
    assert!(registry.publish(&next).await.unwrap());
    let (_dark_app, dark) = crate::setting::package("id = \"bright\"\nname", "id = \"dark\"\nname");
    assert!(registry.publish(&dark).await.unwrap());
    assert_eq!(sendable(registry.releases("bright")).await.unwrap(), ["1.0.0", "1.1.0+b2"]);
    assert_eq!(sendable(registry.apps()).await.unwrap(), ["bright", "dark"]);
    let fetched = registry.fetch("bright", &release("1.1.0+b2"), &place.path().join("next")).await.unwrap();
    assert_eq!((fetched.digest(), fetched.signatures().len()), (next.digest(), 0));

    let missing = registry.fetch("bright", &release("2.0.0"), &place.path().join("none")).await.unwrap_err();
    assert!(matches!(missing, RegistryError::NotFound { .. }), "{missing}");
    assert!(!place.path().join("none").exists());
    assert!(matches!(registry.releases("nothing").await, Err(RegistryError::NotFound { .. })));
    assert_says(registry.digest("../bright", "1.0.0").await, "app.id must have");
    assert_says(registry.digest("bright", "../1").await, "app.release must have");
    let there = registry.fetch("bright", &release("1.0.0"), &place.path().join("saved")).await;
    assert!(matches!(there, Err(RegistryError::Package(PackageError::Exists(_)))));
}

#[tokio::test]
async fn a_registry_takes_and_gives_releases() {
    let server = RegistryServer::start();
    tell(&server.registry()).await;
}

#[tokio::test]
async fn a_folder_takes_and_gives_releases() {
    let folder = tempfile::tempdir().unwrap();
    tell(&Registry::open(folder.path().to_str().unwrap(), &Options::default()).unwrap()).await;
}

#[tokio::test]
async fn what_a_registry_altered_is_refused() {
    let server = RegistryServer::start();
    let registry = server.registry();
    let (_app, package) = package("", "");
    registry.publish(&package).await.unwrap();
    let place = tempfile::tempdir().unwrap();
    let fetch = async || registry.fetch("bright", &release("1.0.0"), &place.path().join("it")).await;
    let digest = |name: &str| package.files().iter().find(|file| file.path.as_str() == name).unwrap().digest;
    for (name, altered, expected) in [
        ("model.onnx", "A MODEL", "model.onnx was altered"),
        ("model.onnx", "a model and more", "model.onnx has 16 bytes instead of 7"),
        ("MODEL_CARD.md", "#", "MODEL_CARD.md"),
    ] {
        let path = server.blob(&digest(name));
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, altered).unwrap();
        assert_says(fetch().await, expected);
        fs::write(&path, bytes).unwrap();
    }
    let manifest = server.blob(&package.digest());
    let bytes = fs::read(&manifest).unwrap();
    fs::write(&manifest, String::from_utf8(bytes.clone()).unwrap().replace("Brightness", "brightness")).unwrap();
    assert!(fetch().await.is_err());
    fs::write(&manifest, bytes).unwrap();
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "nothing half fetched stays");
    fetch().await.unwrap();
}

#[tokio::test]
async fn an_altered_package_is_never_published() {
    let server = RegistryServer::start();
    let (app, package) = package("", "");
    write(&app.path().join("model.onnx"), b"A MODEL");
    assert_says(server.registry().publish(&package).await, "model.onnx was altered");
    assert!(matches!(server.registry().releases("bright").await, Err(RegistryError::NotFound { .. })));
}

/// A container image as `skopeo` pushes it, under an app's name.
fn push_image(server: &RegistryServer, name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let put = |bytes: &[u8]| {
        let digest = lightbox_catalogue::Digest::of(bytes);
        write(&image.join("blobs/sha256").join(digest.hex()), bytes);
        (digest.to_string(), bytes.len())
    };
    let (layer, layer_size) = put(&[0; 1024]);
    let configuration = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{layer}"]}}}}"#
    );
    let (configuration, configuration_size) = put(configuration.as_bytes());
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{configuration}","size":{configuration_size}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":{layer_size}}}]}}"#
    );
    let (manifest, manifest_size) = put(manifest.as_bytes());
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{manifest}","size":{manifest_size},"annotations":{{"org.opencontainers.image.ref.name":"it"}}}}]}}"#
    );
    write(&image.join("index.json"), index.as_bytes());
    write(&image.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#);
    let mut skopeo = Command::new("skopeo");
    skopeo.args(["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"]);
    run(skopeo.arg(format!("oci:{}:it", image.display())).arg(format!("docker://{}/{name}", server.host)));
    folder
}

#[tokio::test]
async fn a_container_image_is_named_and_not_fetched() {
    let server = RegistryServer::start();
    let _image = push_image(&server, "site/apps/bright:1.0.0");
    let place = tempfile::tempdir().unwrap();
    let fetched = server.registry().fetch("bright", &release("1.0.0"), &place.path().join("it")).await;
    assert_says(
        fetched,
        "bright 1.0.0 is a container image (application/vnd.oci.image.config.v1+json), not the package of an app",
    );
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

/// What `htpasswd -B` makes of `secret`.
fn password_file(folder: &Path) {
    let hash = run(Command::new("perl").args(["-e", r#"print crypt("secret", '$2y$05$abcdefghijklmnopqrstuu')"#]));
    fs::write(folder, [b"vendor:", hash.as_slice(), b"\n"].concat()).unwrap();
}

#[tokio::test]
async fn a_name_and_a_password_open_a_registry() {
    let folder = tempfile::tempdir().unwrap();
    password_file(&folder.path().join("htpasswd"));
    let path = folder.path().join("htpasswd");
    let server =
        RegistryServer::start_with(&format!("auth:\n  htpasswd:\n    realm: r\n    path: {}\n", path.display()));
    let (_app, mut package) = package("", "");
    package.add_signature(sign(&package, &PrivateKey::generate()));
    let with = |access: Access| server.registry_with(&Options { access, ..Options::default() });
    let basic = |password: &str| Access::Basic { user: "vendor".to_owned(), password: password.to_owned() };
    for access in [Access::Anonymous, basic("wrong")] {
        let refused = with(access).publish(&package).await.unwrap_err();
        assert!(matches!(refused, RegistryError::Refused { .. }), "{refused}");
        assert!(!refused.to_string().contains("wrong"));
    }
    assert!(with(basic("secret")).publish(&package).await.unwrap());
    let place = tempfile::tempdir().unwrap();
    let registry = with(basic("secret"));
    registry.fetch("bright", &release("1.0.0"), &place.path().join("it")).await.unwrap();
    assert_eq!(registry.apps().await.unwrap(), ["bright"]);
    assert_eq!(format!("{:?}", basic("secret")), "Basic(vendor)");
}

#[tokio::test]
async fn a_bearer_token_is_sent() {
    // The registry's own mode for tests: it asks for a token and takes any.
    let server = RegistryServer::start_with("auth:\n  silly:\n    realm: http://127.0.0.1:1/\n    service: it\n");
    let (_app, package) = package("", "");
    let with = |access: Access| server.registry_with(&Options { access, ..Options::default() });
    assert!(with(Access::Anonymous).publish(&package).await.is_err());
    assert!(with(Access::Bearer("a token".to_owned())).publish(&package).await.unwrap());
}

#[tokio::test]
async fn nothing_is_sent_without_encryption_unless_it_is_allowed() {
    let open =
        |plain_http| Registry::open("http://registry.example.org", &Options { plain_http, ..Options::default() });
    assert_says(open(false), "registry.example.org would be spoken to without encryption");
    assert!(open(true).is_ok());
    let gone = RegistryServer::start().registry();
    assert_says(gone.digest("bright", "1.0.0").await, "cannot look it up (bright 1.0.0) at http://127.0.0.1:");
    // Plain HTTP answers where encryption was wanted.
    let server = RegistryServer::start();
    let encrypted = Registry::open(&format!("https://{}", server.host), &Options::default()).unwrap();
    assert!(encrypted.digest("bright", "1.0.0").await.is_err());
}

/// As a vendor's release is installed: fetched, its signature verified, unpacked, and what was unpacked read again.
#[tokio::test]
async fn a_release_of_100_mb_is_installed() {
    let server = RegistryServer::start();
    let registry = server.registry();
    let (app, _) = package("", "");
    let mut model = vec![0; 100 << 20];
    rand::rng().fill_bytes(&mut model);
    write(&app.path().join("model.onnx"), &model);
    let key = PrivateKey::generate();
    let mut package = pack(app.path()).unwrap().package;
    package.add_signature(sign(&package, &key));
    let started = Instant::now();
    registry.publish(&package).await.unwrap();
    let published = started.elapsed();
    let place = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let fetched = registry.fetch("bright", &release("1.0.0"), &place.path().join("layout")).await.unwrap();
    verify(&fetched, &[trusted("vendor", &key)]).unwrap();
    fetched.unpack(&place.path().join("release")).unwrap();
    let installed = started.elapsed();
    verify_unpacked(&place.path().join("release"), &package.digest()).unwrap();
    println!(
        "100 MB: published in {published:.2?}, installed in {installed:.2?} (unoptimised; less than 5 s is wanted)"
    );
    assert_eq!(Package::open(&place.path().join("layout")).unwrap().digest(), package.digest());
}
