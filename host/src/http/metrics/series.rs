//! How one family of series is built, in the terms of the crate that writes the text.
//!
//! Knows no figure by name. Cannot fail.

use crate::words::Distribution;
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

/// Names and values.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

/// A number that only grows, with all its series.
pub fn counter<'a>(
    name: &str,
    help: &str,
    series: impl IntoIterator<Item = (Vec<(&'static str, &'a str)>, f64)>,
) -> MetricFamily {
    let metric = |(labels, value): (Vec<_>, f64)| {
        let mut counter = Counter::default();
        counter.set_value(value);
        let mut metric = labelled(&labels);
        metric.set_counter(counter);
        metric
    };
    family((name, help, MetricType::COUNTER), series.into_iter().map(metric).collect())
}

/// A number as of now.
pub fn gauge<'a>(
    name: &str,
    help: &str,
    series: impl IntoIterator<Item = (Vec<(&'static str, &'a str)>, f64)>,
) -> MetricFamily {
    let metric = |(labels, value): (Vec<_>, f64)| {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        let mut metric = labelled(&labels);
        metric.set_gauge(gauge);
        metric
    };
    family((name, help, MetricType::GAUGE), series.into_iter().map(metric).collect())
}

/// Times in seconds.
pub fn histogram<'a>(
    name: &str,
    help: &str,
    series: impl IntoIterator<Item = (Vec<(&'static str, &'a str)>, &'a Distribution)>,
) -> MetricFamily {
    let metric = |(labels, times): (Vec<_>, &Distribution)| {
        let mut metric = labelled(&labels);
        metric.set_histogram(histogram_of(times));
        metric
    };
    family((name, help, MetricType::HISTOGRAM), series.into_iter().map(metric).collect())
}

fn histogram_of(times: &Distribution) -> Histogram {
    let bucket = |(bound, below): (f64, u64)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(below);
        bucket
    };
    let mut histogram = Histogram::default();
    histogram.set_bucket(times.steps().map(bucket).collect());
    histogram.set_sample_count(times.count());
    histogram.set_sample_sum(times.sum_seconds());
    histogram
}

fn labelled(labels: Labels<'_>) -> Metric {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    Metric::from_label(labels.iter().map(pair).collect())
}

fn family((name, help, kind): (&str, &str, MetricType), series: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(series);
    family
}
