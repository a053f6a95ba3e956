//! Makes sure that the web page and OHIF have a folder to be embedded from, and that a new build of either is seen.

fn main() {
    for folder in ["../../web/dist", "ohif"] {
        // Without them the server says so; a source tree that cannot be written to is no reason to stop.
        let _ = std::fs::create_dir_all(folder);
        println!("cargo:rerun-if-changed={folder}");
    }
}
