use crate::setting::{assert_says, package, run, trusted};
use lightbox_catalogue::{Package, PrivateKey, PublicKey, Signature, SignatureError, TrustedKey, sign, verify};
use std::path::Path;
use std::process::Command;

fn openssl(folder: &Path, arguments: &str) -> Vec<u8> {
    run(Command::new("openssl").current_dir(folder).args(arguments.split(' ')))
}

#[test]
fn a_signature_travels_with_its_package() {
    let (_app, mut package) = package("", "");
    let key = PrivateKey::generate();
    package.add_signature(sign(&package, &key));
    package.add_signature(sign(&package, &key));
    assert_eq!(package.signatures().len(), 1, "Ed25519 signs the same in the same way");
    let place = tempfile::tempdir().unwrap();
    for name in ["layout", "it.tar"] {
        let path = place.path().join(name);
        package.save(&path).unwrap();
        let opened = Package::open(&path).unwrap();
        assert_eq!(verify(&opened, &[trusted("vendor", &key)]).unwrap().keys, ["vendor"]);
    }
}

#[test]
fn signatures_are_added_to_what_is_saved_already() {
    let (_app, mut package) = package("", "");
    let (vendor, site) = (PrivateKey::generate(), PrivateKey::generate());
    let place = tempfile::tempdir().unwrap();
    let paths = ["layout", "it.tar"].map(|name| place.path().join(name));
    paths.iter().for_each(|path| package.save(path).unwrap());
    let digest = package.digest();
    for key in [&vendor, &site] {
        package.add_signature(sign(&package, key));
        for path in &paths {
            package.save_signatures(path).unwrap();
        }
    }
    for path in &paths {
        let opened = Package::open(path).unwrap();
        opened.check().unwrap();
        assert_eq!(opened.digest(), digest, "who signs changes nothing");
        let keys = verify(&opened, &[trusted("vendor", &vendor), trusted("site", &site)]).unwrap().keys;
        assert_eq!(keys, ["site", "vendor"]);
    }
    let (_other, other) = crate::setting::package("1.0.0", "1.0.1");
    assert_says(other.save_signatures(&paths[0]), "was altered");
}

#[test]
fn each_reason_for_distrust_is_told_apart() {
    let (_app, mut signed) = package("", "");
    let (_other_app, mut other) = package("1.0.0", "1.0.1");
    let (key, stranger) = (PrivateKey::generate(), PrivateKey::generate());
    let check = |package: &Package, trusted: &[TrustedKey]| verify(package, trusted).unwrap_err();
    let trust = trusted("vendor", &key);
    assert!(matches!(check(&signed, std::slice::from_ref(&trust)), SignatureError::Unsigned { .. }));

    signed.add_signature(sign(&signed, &key));
    let id = key.public().id().to_string();
    let unknown = check(&signed, &[trusted("stranger", &stranger)]);
    assert_eq!(unknown, SignatureError::UnknownKeys { release: "bright 1.0.0".to_owned(), keys: vec![id.clone()] });
    assert_eq!(check(&signed, &[]), unknown);

    other.add_signature(signed.signatures()[0].clone());
    let error = check(&other, std::slice::from_ref(&trust));
    assert!(matches!(error, SignatureError::OtherRelease { .. }), "{error}");
    assert!(error.to_string().contains(&format!("bright 1.0.0 of Lightbox contributors ({})", signed.digest())));

    let (_false_app, mut forged) = package("", "");
    let by_stranger = String::from_utf8(sign(&forged, &stranger).envelope().to_vec()).unwrap();
    let claim = by_stranger.replace(&stranger.public().id().to_string(), &id);
    forged.add_signature(Signature::from_envelope(claim.into_bytes()));
    assert!(
        matches!(check(&forged, std::slice::from_ref(&trust)), SignatureError::False { key, .. } if key == "vendor")
    );

    // Whoever can write to the registry can add that one; the good one still counts.
    forged.add_signature(signed.signatures()[0].clone());
    assert_eq!(verify(&forged, std::slice::from_ref(&trust)).unwrap().keys, ["vendor"]);

    let (_bad_app, mut bad) = package("", "");
    bad.add_signature(Signature::from_envelope(b"{}".to_vec()));
    assert!(matches!(check(&bad, &[trust]), SignatureError::Malformed { .. }));
}

#[test]
fn a_key_counts_only_for_what_it_is_trusted_for() {
    let (_app, mut package) = package("", "");
    let key = PrivateKey::generate();
    package.add_signature(sign(&package, &key));
    let verify_as = |vendor: Option<&str>, app_prefix: Option<&str>| {
        let (vendor, app_prefix) = (vendor.map(str::to_owned), app_prefix.map(str::to_owned));
        verify(&package, &[TrustedKey { vendor, app_prefix, ..trusted("key", &key) }])
    };
    assert!(verify_as(Some("Lightbox contributors"), Some("bri")).is_ok());
    assert_says(verify_as(Some("Another"), None), "is not trusted for this vendor");
    assert_says(verify_as(None, Some("cxr-")), "is not trusted for this app");
    // The same key, trusted for several things.
    let other = TrustedKey { vendor: Some("Another".to_owned()), ..trusted("other", &key) };
    assert_eq!(verify(&package, &[other, trusted("key", &key)]).unwrap().keys, ["key"]);
}

#[test]
fn openssl_writes_keys_for_us_and_reads_ours() {
    let folder = tempfile::tempdir().unwrap();
    openssl(folder.path(), "genpkey -algorithm ed25519 -out theirs.pem");
    openssl(folder.path(), "pkey -in theirs.pem -pubout -out theirs.pub");
    let theirs = PrivateKey::read(&folder.path().join("theirs.pem")).unwrap();
    assert_eq!(theirs.public(), PublicKey::read(&folder.path().join("theirs.pub")).unwrap());

    let ours = PrivateKey::generate();
    ours.save(&folder.path().join("ours.pem")).unwrap();
    ours.public().save(&folder.path().join("ours.pub")).unwrap();
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&folder.path().join("ours.pem").metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(openssl(folder.path(), "pkey -in ours.pem -pubout"), ours.public().to_pem().as_bytes());
    openssl(folder.path(), "pkey -pubin -in ours.pub -outform DER -out ours.der");
    let sum = run(Command::new("sha256sum").arg(folder.path().join("ours.der")));
    assert!(sum.starts_with(ours.public().id().to_string().as_bytes()), "the key's name, by hand");

    openssl(folder.path(), "genpkey -algorithm x25519 -out other.pem");
    assert_says(PrivateKey::read(&folder.path().join("other.pem")), "holds no private Ed25519 key in PEM");
}

#[test]
fn openssl_signs_for_us() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let (_app, mut package) = package("", "");
    let folder = tempfile::tempdir().unwrap();
    let key = PrivateKey::generate();
    key.save(&folder.path().join("key.pem")).unwrap();
    let kind = "application/vnd.lightbox.release.v1+json";
    let statement = format!(
        r#"{{ "digest": "{}", "id": "bright", "release": "1.0.0", "vendor": "Lightbox contributors" }}"#,
        package.digest()
    );
    let signed = format!("DSSEv1 {} {kind} {} {statement}", kind.len(), statement.len());
    std::fs::write(folder.path().join("signed"), signed).unwrap();
    let signature = openssl(folder.path(), "pkeyutl -sign -inkey key.pem -rawin -in signed");
    let envelope = serde_json::json!({
        "payloadType": kind,
        "payload": STANDARD.encode(statement),
        "signatures": [{ "sig": STANDARD.encode(signature) }],
    });
    package.add_signature(Signature::from_envelope(envelope.to_string().into_bytes()));
    assert_eq!(verify(&package, &[trusted("vendor", &key)]).unwrap().keys, ["vendor"], "also without the key's name");
    assert_says(verify(&package, &[]), "they name no key");
}
