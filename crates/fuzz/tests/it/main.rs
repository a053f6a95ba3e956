//! Every target over its seeds and over all that was once found worth keeping.

use lightbox_fuzz::TARGETS;
use std::fs;
use std::path::Path;

/// The corpus is kept small, in bytes.
const CORPUS_BYTES_MAX: u64 = 2 << 20;

#[test]
fn whatever_was_found_once_is_survived() {
    for target in &TARGETS {
        for (number, seed) in (target.seeds)().iter().enumerate() {
            println!("{} seed {number}", target.name);
            (target.run)(seed);
        }
        let mut files = 0;
        for entry in fs::read_dir(target.corpus()).expect("every target has a corpus") {
            let path = entry.expect("an entry").path();
            println!("{}", path.display());
            (target.run)(&fs::read(&path).expect("readable"));
            files += 1;
        }
        assert!(files > 0, "the corpus of {} is empty", target.name);
    }
}

#[test]
fn the_corpus_is_small_and_every_part_has_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut bytes = 0;
    for folder in fs::read_dir(corpus).expect("a corpus") {
        let folder = folder.expect("an entry");
        let name = folder.file_name();
        assert!(TARGETS.iter().any(|target| *target.name == *name), "{} has no target", name.display());
        for file in fs::read_dir(folder.path()).expect("a folder") {
            bytes += file.expect("an entry").metadata().expect("its length").len();
        }
    }
    assert!(bytes < CORPUS_BYTES_MAX, "the corpus has {bytes} bytes; `cargo xtask fuzz` keeps less");
}
