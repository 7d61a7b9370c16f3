//! The series that belong to single objects: phases, dates and flags.
//!
//! They are encoded from one table instead of one gauge per series: a phase change is one
//! assignment under one lock, so no scrape can see an object in two phases or in none, and
//! an object costs one table row instead of one allocation per phase.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use super::catalogue::{CA_EXPIRY, CA_UNVERIFIED, CERTIFICATE_EXPIRY, CRL_NEXT_UPDATE, MetricDescription, RESOURCE_PHASE};

/// Kind, namespace, name.
type ObjectKey = (&'static str, Box<str>, Box<str>);

/// What is known about one object. Times are Unix seconds.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// One of the phases that its kind knows.
    pub phase: Option<&'static str>,
    pub certificate_expiry: Option<i64>,
    pub crl_next_update: Option<i64>,
    pub ca_expiry: Option<i64>,
    /// 1 where it is so.
    pub ca_unverified: Option<i64>,
}

/// Reads one value out of a row.
type Value = fn(&Series) -> Option<i64>;

/// The table of all objects; the collector of their series.
#[derive(Debug, Default)]
pub(super) struct Objects {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// Every phase of a kind, kept once per kind.
    phases: BTreeMap<&'static str, Box<[&'static str]>>,
    rows: BTreeMap<ObjectKey, Series>,
}

impl Objects {
    /// Changes the row of an object, which is made when missing.
    pub fn update(&self, kind: &'static str, namespace: &str, name: &str, change: impl FnOnce(&mut Series)) {
        change(self.table().row(kind, namespace, name));
    }

    /// Moves an object into a phase; `all` is read at the first object of a kind.
    pub fn enter(&self, kind: &'static str, namespace: &str, name: &str, all: impl IntoIterator<Item = &'static str>, phase: &'static str) {
        let mut table = self.table();
        table.phases.entry(kind).or_insert_with(|| all.into_iter().collect());
        table.row(kind, namespace, name).phase = Some(phase);
    }

    /// Removes everything about an object that is gone.
    pub fn remove(&self, kind: &'static str, namespace: &str, name: &str) {
        self.table().rows.remove(&(kind, Box::from(namespace), Box::from(name)));
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A row is changed by plain assignments, so a panic elsewhere leaves no half row.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn row(&mut self, kind: &'static str, namespace: &str, name: &str) -> &mut Series {
        let key = (kind, Box::from(namespace), Box::from(name));
        self.rows.entry(key).or_default()
    }
}

fn family<'s>(
    encoder: &'s mut DescriptorEncoder<'_>,
    metric: &'s MetricDescription,
    help: &'s str,
    unit: Option<&'s prometheus_client::registry::Unit>,
) -> Result<MetricEncoder<'s>, fmt::Error> {
    encoder.encode_descriptor(metric.family(), help, unit, MetricType::Gauge)
}

impl Collector for Objects {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let table = self.table();
        let Table { phases: known, rows } = &*table;

        // The registry ends help texts with a full stop; a collector has to do it itself.
        let help = format!("{}.", RESOURCE_PHASE.help);
        let mut phases = family(&mut encoder, &RESOURCE_PHASE, &help, None)?;
        for ((kind, namespace, name), series) in rows {
            let (Some(current), Some(all)) = (series.phase, known.get(kind)) else {
                continue;
            };
            for phase in all {
                let labels = [("kind", *kind), ("namespace", namespace), ("name", name), ("phase", phase)];
                ConstGauge::new(i64::from(*phase == current)).encode(phases.encode_family(&labels)?)?;
            }
        }

        let values: [(MetricDescription, Value); 4] = [
            (CERTIFICATE_EXPIRY, |series| series.certificate_expiry),
            (CRL_NEXT_UPDATE, |series| series.crl_next_update),
            (CA_EXPIRY, |series| series.ca_expiry),
            (CA_UNVERIFIED, |series| series.ca_unverified),
        ];
        for (metric, value) in values {
            let help = format!("{}.", metric.help);
            let unit = metric.unit();
            let mut gauges = family(&mut encoder, &metric, &help, unit.as_ref())?;
            for ((_, namespace, name), series) in rows {
                if let Some(value) = value(series) {
                    let labels: [(&str, &str); 2] = [("namespace", namespace), ("name", name)];
                    ConstGauge::new(value).encode(gauges.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}
