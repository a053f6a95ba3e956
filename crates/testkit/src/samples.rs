//! Where real images and foreign tools are. Their absence fails a test, it never skips one.

use std::path::PathBuf;

/// The folder of real sample images: `LIGHTBOX_SAMPLES`, else `samples` in the cache folder.
///
/// # Panics
/// When it is not there; `cargo xtask setup` fetches it.
#[must_use]
pub fn samples() -> PathBuf {
    found("LIGHTBOX_SAMPLES", "samples", "the sample images")
}

/// The folder of the reference app's release: `LIGHTBOX_APP`, else `apps/cxr-pneumonia-0.1.0` in the cache folder.
///
/// # Panics
/// When it is not there; `cargo xtask setup` makes it.
#[must_use]
pub fn app() -> PathBuf {
    found("LIGHTBOX_APP", "apps/cxr-pneumonia-0.1.0", "the files of the reference app")
}

/// The folder of downloaded packages, from which the samples are made: `LIGHTBOX_DOWNLOADS`, else `downloads` in the cache
/// folder.
///
/// # Panics
/// When it is not there; `cargo xtask setup` fills it.
#[must_use]
pub fn downloads() -> PathBuf {
    found("LIGHTBOX_DOWNLOADS", "downloads", "the downloaded packages")
}

/// A program of the Python environment of the tests, such as `dciodvfy`: in `bin` of `LIGHTBOX_VENV`, else of `venv` in
/// the cache folder.
///
/// # Panics
/// When it is not there; `cargo xtask setup` installs it.
#[must_use]
pub fn venv_tool(name: &str) -> PathBuf {
    let tool = found("LIGHTBOX_VENV", "venv", "the Python environment").join("bin").join(name);
    assert!(tool.is_file(), "{name} is not in the Python environment: run `cargo xtask setup`");
    tool
}

fn found(variable: &str, folder: &str, what: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(|| cache().join(folder), PathBuf::from);
    assert!(path.is_dir(), "{what} are not at {}: run `cargo xtask setup` or set {variable}", path.display());
    path
}

fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache").join("lightbox");
    std::env::var_os("LIGHTBOX_CACHE").map_or_else(home, PathBuf::from)
}
