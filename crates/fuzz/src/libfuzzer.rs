//! libFuzzer over one target, which LIGHTBOX_FUZZ_TARGET names. LIGHTBOX_FUZZ_SEEDS is a folder that its seeds are written to
//! before libFuzzer reads it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightbox_fuzz::{Target, target};
use std::path::Path;
use std::sync::LazyLock;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("LIGHTBOX_FUZZ_TARGET").expect("LIGHTBOX_FUZZ_TARGET names a target");
    target(&name).expect("there is a target of that name")
});

fn write_seeds() {
    let Some(folder) = std::env::var_os("LIGHTBOX_FUZZ_SEEDS") else { return };
    for (number, seed) in (TARGET.seeds)().into_iter().enumerate() {
        std::fs::write(Path::new(&folder).join(format!("seed-{number}")), seed).expect("seeds can be written");
    }
}

fuzz_target!(init: write_seeds(), |bytes: &[u8]| (TARGET.run)(bytes));
