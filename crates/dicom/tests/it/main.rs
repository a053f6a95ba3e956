//! What the crate promises at its border, on built films, on real samples, and against other implementations.

mod foreign;
mod results;
