//! One file a command.

pub mod app;
pub mod backup;
pub mod conformance;
pub mod correct;
pub mod delete;
pub mod deploy;
pub mod doctor;
pub mod export;
pub mod import;
mod journal;
pub mod lifecycle;
pub mod merge;
pub mod order;
mod order_file;
pub mod peer;
pub mod query;
pub mod retrieve;
pub mod run;
pub mod send;
pub mod token;
pub mod user;
pub mod verify;

use crate::settings::DataFlag;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lightbox_domain::Actor;
use lightbox_store::{DataFolder, Store};

/// Who acts when the owner of the data folder uses a command.
pub fn actor() -> Actor {
    Actor::system("command-line")
}

/// Opens the data folder for a short command. A server may be at work on it.
pub async fn open(flag: &DataFlag) -> anyhow::Result<(DataFolder, Store)> {
    let folder = DataFolder::open(&flag.data)?;
    let store = Store::open(&folder).await?;
    Ok((folder, store))
}

/// A time of the store, RFC 3339 in UTC.
pub fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|time| time.to_string()).unwrap_or_default()
}

/// A bar that counts files, on standard error; none when a program reads.
pub fn file_bar(files: u64, is_json: bool) -> ProgressBar {
    let target = if is_json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} files, {eta} left{msg}");
    ProgressBar::with_draw_target(Some(files), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
