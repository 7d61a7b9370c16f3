//! From the table of objects to its series.

use super::catalogue::{
    CA_EXPIRY, CA_UNVERIFIED, CERTIFICATE_EARLIEST_EXPIRY, CERTIFICATE_EXPIRY, CRL_NEXT_UPDATE, MetricDescription, RESOURCE_ATTEMPTS,
    RESOURCE_BLOCKED, RESOURCE_DEADLINE, RESOURCE_PHASE, RESOURCE_READY, RESOURCE_SINCE, RESOURCES, RESOURCES_BLOCKED, RESOURCES_NOT_READY,
    RESOURCES_OVERDUE, SERVER_DESIRED, SERVER_READY,
};
use super::objects::{Detail, Row, Table};
use openvox_engine::CurrentState;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use std::collections::BTreeMap;
use std::fmt;

/// Writes one family of gauges. A family without samples is left out.
pub(super) fn gauges<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder<'_>,
    metric: &MetricDescription,
    samples: impl IntoIterator<Item = (L, i64)>,
) -> fmt::Result {
    let mut samples = samples.into_iter().peekable();
    if samples.peek().is_none() {
        return Ok(());
    }
    // The registry ends help texts with a full stop; a collector has to do it itself.
    let help = format!("{}.", metric.help);
    let unit = metric.unit();
    let mut family = encoder.encode_descriptor(metric.family(), &help, unit.as_ref(), MetricType::Gauge)?;
    for (labels, value) in samples {
        ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// Every object of the table whose state is known, with its kind, namespace and name.
fn current(table: &Table) -> impl Iterator<Item = (&'static str, &str, &str, &CurrentState)> {
    table.rows.iter().filter_map(|((kind, namespace, name), row)| Some((*kind, &**namespace, &**name, row.current.as_ref()?)))
}

/// Counts of objects, whose number does not grow with that of the objects.
pub(super) fn expose_sums(table: &Table, now: i64, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut states: BTreeMap<_, i64> = BTreeMap::new();
    let mut not_ready: BTreeMap<_, i64> = BTreeMap::new();
    let mut overdue: BTreeMap<_, i64> = BTreeMap::new();
    let mut blocked: BTreeMap<_, i64> = BTreeMap::new();
    for (kind, namespace, _, at) in current(table) {
        let place = [("kind", kind), ("namespace", namespace)];
        let [kind, namespace] = place;
        let (phase, state) = (("phase", at.phase), ("state", at.state));
        *states.entry([kind, namespace, phase, state, ("rest", at.rest())]).or_default() += 1;
        // These two are 0 rather than absent: what is absent cannot be told from an operator that does not work.
        *not_ready.entry(place).or_default() += i64::from(!at.ready);
        if let Some(deadline) = at.deadline() {
            *overdue.entry([kind, namespace, phase, state]).or_default() += i64::from(deadline < now);
        }
        if let Some(reason) = at.blocked {
            *blocked.entry([kind, namespace, ("reason", reason)]).or_default() += 1;
        }
    }
    gauges(encoder, &RESOURCES, states)?;
    gauges(encoder, &RESOURCES_NOT_READY, not_ready)?;
    gauges(encoder, &RESOURCES_OVERDUE, overdue)?;
    gauges(encoder, &RESOURCES_BLOCKED, blocked)?;

    let mut earliest: BTreeMap<_, i64> = BTreeMap::new();
    for ((_, namespace, _), row) in &table.rows {
        if let Some(at) = row.certificate_expiry {
            earliest.entry([("namespace", &**namespace)]).and_modify(|first| *first = at.min(*first)).or_insert(at);
        }
    }
    gauges(encoder, &CERTIFICATE_EARLIEST_EXPIRY, earliest)
}

/// Reads one number out of a row.
type Number = fn(&Row) -> Option<i64>;

/// The series of single objects.
pub(super) fn expose_each(table: &Table, detail: Detail, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    // A cluster has a handful of authorities, and everything depends on their dates.
    let of_authorities: [(MetricDescription, Number); 3] =
        [(CA_EXPIRY, |row| row.ca_expiry), (CA_UNVERIFIED, |row| row.ca_unverified), (CRL_NEXT_UPDATE, |row| row.crl_next_update)];
    numbers(table, &of_authorities, encoder)?;
    if detail == Detail::Sums {
        return Ok(());
    }
    let of_objects: [(MetricDescription, Number); 3] = [
        (CERTIFICATE_EXPIRY, |row| row.certificate_expiry),
        (SERVER_DESIRED, |row| row.pods_desired),
        (SERVER_READY, |row| row.pods_ready),
    ];
    numbers(table, &of_objects, encoder)?;

    let all = || current(table).map(|(kind, namespace, name, at)| ([("kind", kind), ("namespace", namespace), ("name", name)], at));
    let phases = all().flat_map(|([kind, namespace, name], at)| {
        let known = table.phases.get(kind.1).into_iter().flatten();
        known.map(move |phase| ([kind, namespace, name, ("phase", *phase)], i64::from(*phase == at.phase)))
    });
    gauges(encoder, &RESOURCE_PHASE, phases)?;
    gauges(encoder, &RESOURCE_READY, all().map(|(object, at)| (object, i64::from(at.ready))))?;
    let since = all().map(|([kind, namespace, name], at)| {
        ([kind, namespace, name, ("phase", at.phase), ("state", at.state), ("rest", at.rest())], at.since)
    });
    gauges(encoder, &RESOURCE_SINCE, since)?;
    let deadlines = all().filter_map(|([kind, namespace, name], at)| {
        Some(([kind, namespace, name, ("phase", at.phase), ("state", at.state)], at.deadline()?))
    });
    gauges(encoder, &RESOURCE_DEADLINE, deadlines)?;
    let blocked = all().filter_map(|([kind, namespace, name], at)| Some(([kind, namespace, name, ("reason", at.blocked?)], 1)));
    gauges(encoder, &RESOURCE_BLOCKED, blocked)?;
    let attempts = all().filter(|(_, at)| at.attempts > 0).map(|(object, at)| (object, i64::from(at.attempts)));
    gauges(encoder, &RESOURCE_ATTEMPTS, attempts)
}

fn numbers(table: &Table, metrics: &[(MetricDescription, Number)], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    for (metric, number) in metrics {
        let rows = table.rows.iter().filter_map(|((_, namespace, name), row)| {
            let labels: [(&str, &str); 2] = [("namespace", namespace), ("name", name)];
            Some((labels, number(row)?))
        });
        gauges(encoder, metric, rows)?;
    }
    Ok(())
}
