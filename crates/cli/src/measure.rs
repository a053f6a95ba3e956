//! The recorder of metrics: what the rooms measure, for `/metrics`.

use anyhow::Context;
use lightbox_http::RenderMetrics;
use metrics::{Unit, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use std::sync::Arc;

/// Upper bounds of the histograms of durations, in seconds.
const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// Upper bounds of the histogram of instances in a commit.
const INSTANCES: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// Installs the recorder of this process.
///
/// # Errors
/// When another one is installed.
pub fn start() -> anyhow::Result<RenderMetrics> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&SECONDS)
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Full("lightbox_commit_instances".to_owned()), &INSTANCES)
        })
        .and_then(PrometheusBuilder::install_recorder)
        .context("cannot measure")?;
    describe();
    Ok(Arc::new(move || handle.render()))
}

fn describe() {
    let seconds = [
        ("lightbox_receive_seconds", "From the last byte of an instance until it is durable and indexed"),
        ("lightbox_commit_seconds", "One transaction of the index, its sync included"),
        ("lightbox_job_seconds", "One job, by kind and outcome"),
        ("lightbox_http_request_seconds", "One HTTP request until its answer begins"),
    ];
    for (name, text) in seconds {
        describe_histogram!(name, Unit::Seconds, text);
    }
    describe_histogram!("lightbox_commit_instances", Unit::Count, "Instances that shared one transaction");
    let gauges = [
        ("lightbox_studies", Unit::Count, "Studies in the index"),
        ("lightbox_instances", Unit::Count, "Instances in the index"),
        ("lightbox_instance_bytes", Unit::Bytes, "Bytes of stored instances"),
        ("lightbox_disk_free_bytes", Unit::Bytes, "Free on the disk of the data folder"),
        ("lightbox_jobs_waiting", Unit::Count, "Jobs that wait or are under way"),
        ("lightbox_associations", Unit::Count, "Associations of admitted peers that are open"),
    ];
    for (name, unit, text) in gauges {
        describe_gauge!(name, unit, text);
    }
}
