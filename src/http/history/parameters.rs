//! Reading what is asked for: path, query and headers, once, at the border.

use super::routes::{Format, Parameter, Route};
use crate::http::kinds::{self, Kind};
use crate::http::problem::Problem;
use crate::journal::{Cursor, Order, Query};
use axum::http::{HeaderMap, header};
use k8s_openapi::jiff::Timestamp;
use std::collections::BTreeMap;

/// Entries of a page when the request does not say.
pub(super) const DEFAULT_LIMIT: u16 = 100;
/// Most entries of a page: about 200 KiB of JSON, built in memory.
pub(super) const MAX_LIMIT: u16 = 500;

/// What is asked for. What is not set does not restrict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) kind: Option<&'static Kind>,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) phase: Option<String>,
    pub(super) event: Option<String>,
    pub(super) cause: Option<String>,
    pub(super) uid: Option<String>,
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    pub(super) at: Option<Timestamp>,
    pub(super) order: Option<Order>,
    pub(super) limit: Option<u16>,
    pub(super) cursor: Option<String>,
    pub(super) format: Format,
}

impl Asked {
    /// Reads the parameters of a route. Empty values do not restrict.
    ///
    /// # Errors
    /// 400 for a parameter that the route does not know, that is given twice, or whose value cannot be used.
    pub(super) fn read<'p>(
        route: &Route,
        path: impl Iterator<Item = (&'p str, &'p str)>,
        pairs: Vec<(String, String)>,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        let mut given = Given(path.map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
        for (name, value) in pairs {
            if given.0.contains_key(&name) {
                return Err(Problem::parameter(&name, &value, "to be given once"));
            }
            if !route.parameters.iter().any(|known| known.name() == name) {
                let known: Vec<&str> = route.parameters.iter().map(|known| known.name()).collect();
                return Err(Problem::parameter(&name, &value, format!("one of the parameters {}", known.join(", "))));
            }
            given.0.insert(name, value);
        }
        let formats: Vec<&str> = route.formats.iter().map(|format| format.name()).collect();
        let format = given
            .parsed(Parameter::Format, &formats.join(" or "), |text| route.formats.iter().copied().find(|format| format.name() == text))?;
        Ok(Self {
            kind: given.parsed(Parameter::Kind, &kinds::known(), kinds::named)?,
            namespace: given.text(Parameter::Namespace),
            name: given.text(Parameter::Name),
            phase: given.text(Parameter::Phase),
            event: given.text(Parameter::Event),
            cause: given.text(Parameter::Cause),
            uid: given.text(Parameter::Uid),
            since: given.time(Parameter::Since)?,
            until: given.time(Parameter::Until)?,
            at: given.time(Parameter::At)?,
            order: given.parsed(Parameter::Order, "asc or desc", |text| match text {
                "asc" => Some(Order::Ascending),
                "desc" => Some(Order::Descending),
                _ => None,
            })?,
            limit: given.parsed(Parameter::Limit, &format!("a number from 1 to {MAX_LIMIT}"), |text| {
                text.parse().ok().filter(|n| (1..=MAX_LIMIT).contains(n))
            })?,
            cursor: given.text(Parameter::Cursor),
            format: format.unwrap_or_else(|| accepted(route, headers)),
        })
    }

    /// Entries of a page.
    pub(super) fn limit(&self) -> u16 {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }

    /// The one object that the path names.
    pub(super) fn object(&self) -> Result<(&'static Kind, &str, &str), Problem> {
        match (self.kind, &self.namespace, &self.name) {
            (Some(kind), Some(namespace), Some(name)) => Ok((kind, namespace, name)),
            _ => Err(Problem::not_found("kind, namespace and name have to be in the path")),
        }
    }

    /// The question for the journal.
    ///
    /// # Errors
    /// 400 for a cursor that is not one of the journal.
    pub(super) fn query(&self) -> Result<Query, Problem> {
        Ok(Query {
            kind: self.kind.map(|kind| kind.name.clone()),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            phase: self.phase.clone(),
            event: self.event.clone(),
            cause: self.cause.clone(),
            uid: self.uid.clone(),
            since: self.since,
            until: self.until,
            cursor: self.cursor.as_deref().map(|text| cursor(Parameter::Cursor.name(), text)).transpose()?,
            limit: self.limit(),
            order: self.order.unwrap_or_default(),
        })
    }
}

/// A position in the journal.
///
/// # Errors
/// 400 that names `source`, the parameter or header it came in.
pub(super) fn cursor(source: &str, text: &str) -> Result<Cursor, Problem> {
    text.parse().map_err(|_| Problem::parameter(source, text, "the nextCursor of an earlier page or the id of an event"))
}

/// The first form in `Accept` that the route has; JSON when there is none, as for a browser.
fn accepted(route: &Route, headers: &HeaderMap) -> Format {
    let values = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let media_types = values.flat_map(|value| value.split(',')).filter_map(|range| range.split(';').next());
    let mut formats = media_types.map(str::trim).filter_map(|text| match text {
        // The older name of the same form.
        "application/x-ndjson" => Some(Format::Jsonl),
        text => Format::ALL.into_iter().find(|format| format.media_type().eq_ignore_ascii_case(text)),
    });
    formats.find(|format| route.formats.contains(format)).unwrap_or(Format::Json)
}

/// Names and values that were given.
struct Given(BTreeMap<String, String>);

impl Given {
    fn text(&mut self, parameter: Parameter) -> Option<String> {
        self.0.remove(parameter.name()).filter(|value| !value.is_empty())
    }

    fn time(&mut self, parameter: Parameter) -> Result<Option<Timestamp>, Problem> {
        // A plus that was not percent-encoded arrives as a space.
        self.parsed(parameter, "a time of RFC 3339 such as 2026-01-31T12:00:00Z", |text| text.replace(' ', "+").parse().ok())
    }

    fn parsed<T>(&mut self, parameter: Parameter, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(value) = self.text(parameter) else { return Ok(None) };
        parse(&value).map(Some).ok_or_else(|| Problem::parameter(parameter.name(), &value, expected))
    }
}

#[cfg(test)]
mod tests;
