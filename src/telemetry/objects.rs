//! The series that belong to objects of ours: one table, of which each scrape is a picture.
//!
//! They are encoded from a table instead of one gauge per series: a change of state is one assignment under one
//! lock, so no scrape can see an object in two phases or in none, and an object costs one row instead of one
//! allocation per series. What depends on the time, such as a missed deadline, is worked out at the scrape, so it
//! needs no timer and cannot be late.

use super::exposition::{expose_each, expose_sums};
use chrono::Utc;
use openvox_engine::{CurrentState, ObjectKey};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Kind, namespace, name.
pub(super) type RowKey = (&'static str, Box<str>, Box<str>);

/// Whether objects have series of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// About twenty series for each object, next to the sums.
    PerObject,
    /// Only sums by kind, namespace and state. CertificateAuthorities keep theirs: there are a handful.
    Sums,
}

/// What is known about one object. Times are Unix seconds.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub current: Option<CurrentState>,
    pub certificate_expiry: Option<i64>,
    pub crl_next_update: Option<i64>,
    pub ca_expiry: Option<i64>,
    /// 1 where it is so.
    pub ca_unverified: Option<i64>,
    pub pods_desired: Option<i64>,
    pub pods_ready: Option<i64>,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    /// Every phase of a kind, kept once per kind.
    pub phases: BTreeMap<&'static str, Box<[&'static str]>>,
    pub rows: BTreeMap<RowKey, Row>,
}

/// The table of all objects; the collector of their series.
pub(super) struct Objects {
    table: Mutex<Table>,
    detail: Detail,
    /// Unix seconds, for what is overdue at the scrape.
    now: fn() -> i64,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("detail", &self.detail).finish_non_exhaustive()
    }
}

impl Objects {
    pub fn new(detail: Detail) -> Self {
        Self::with_clock(detail, || Utc::now().timestamp())
    }

    pub fn with_clock(detail: Detail, now: fn() -> i64) -> Self {
        Self { table: Mutex::default(), detail, now }
    }

    /// Changes the row of an object, which is made when missing.
    pub fn update(&self, kind: &'static str, namespace: &str, name: &str, change: impl FnOnce(&mut Row)) {
        change(self.table().row(kind, namespace, name));
    }

    /// Sets the current state of an object; `phases` are all of its kind.
    pub fn current_state(&self, object: &ObjectKey, phases: &[&'static str], state: CurrentState) {
        let mut table = self.table();
        table.phases.entry(object.kind).or_insert_with(|| phases.into());
        table.row(object.kind, &object.namespace, &object.name).current = Some(state);
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
    fn row(&mut self, kind: &'static str, namespace: &str, name: &str) -> &mut Row {
        let key = (kind, Box::from(namespace), Box::from(name));
        self.rows.entry(key).or_default()
    }
}

impl Collector for Objects {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let table = self.table();
        expose_sums(&table, (self.now)(), &mut encoder)?;
        expose_each(&table, self.detail, &mut encoder)
    }
}
