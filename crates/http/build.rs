//! Makes sure that `web/dist` is there to be embedded, and that a new build of it is seen.

fn main() {
    let dist = std::path::Path::new("../../web/dist");
    // Without the pages the server says so; a source tree that cannot be written to is no reason to stop.
    let _ = std::fs::create_dir_all(dist);
    println!("cargo:rerun-if-changed={}", dist.display());
}
