//! The rules of a manifest, as a packager meets them.

mod manifest;
mod routing;
