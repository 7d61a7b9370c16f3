//! Going on with what happens.

use super::ring;
use super::service::{Asked, Live, Service};
use super::transition::{Stays, Transition, headings, row};
use crate::connection::Connection;
use crate::format::Format;
use crate::kind::Kind;
use crate::outcome::Outcome;
use crate::paint::Paint;
use crate::table::Table;
use anyhow::bail;
use futures::{StreamExt as _, TryStreamExt as _};
use kube::api::{Api, DynamicObject};
use kube::runtime::{WatchStreamExt as _, watcher};
use std::collections::HashMap;
use std::time::Duration;

/// Between the end of a stream and the next one: a service that is being replaced is back in seconds.
const AGAIN: Duration = Duration::from_secs(1);

/// Prints transitions as they come.
struct Printer {
    /// The newest number of each object that was printed.
    printed: HashMap<String, i64>,
    stays: Stays,
    /// Of the columns so far.
    widths: Vec<usize>,
    one: bool,
    format: Format,
}

impl Printer {
    /// Prints what there is already, with headings.
    fn begin(transitions: &[Transition], one: bool, format: Format) -> anyhow::Result<Self> {
        let mut printer = Self { printed: HashMap::new(), stays: Stays::default(), widths: Vec::new(), one, format };
        let mut table = Table::headed(&headings(one));
        for transition in transitions {
            table.row(row(transition, one, &mut printer.stays));
            printer.printed.insert(transition.uid.clone(), transition.entry.seq);
        }
        match format {
            Format::Text => format.print(&transitions, || table.show_below(&mut printer.widths, Paint::of_stdout()))?,
            Format::Json | Format::Yaml => transitions.iter().try_for_each(|transition| format.print_one(transition, String::new))?,
        }
        Ok(printer)
    }

    /// Prints a transition that was not printed before.
    fn print(&mut self, transition: &Transition) -> anyhow::Result<()> {
        let newest = self.printed.entry(transition.uid.clone()).or_insert(0);
        if transition.entry.seq <= *newest {
            return Ok(());
        }
        *newest = transition.entry.seq;
        let mut table = Table::default();
        table.row(row(transition, self.one, &mut self.stays));
        self.format.print_one(transition, || table.show_below(&mut self.widths, Paint::of_stdout()))
    }
}

/// Follows the service, from what was read of it on; a stream that is cut off goes on where it was.
pub async fn service(service: &Service, asked: &Asked, read: &[Transition], format: Format) -> anyhow::Result<Outcome> {
    let mut printer = Printer::begin(read, asked.object.is_some(), format)?;
    let mut position: Option<String> = None;
    loop {
        let mut stream = service.live(asked, position.as_deref()).await?;
        if position.is_none() {
            // What happened between the reading and the stream.
            for transition in service.transitions(asked).await? {
                printer.print(&transition)?;
            }
        }
        loop {
            match stream.try_next().await {
                Ok(Some(Live::At(at))) => position = Some(at),
                Ok(Some(Live::Transition(transition))) => printer.print(&transition)?,
                Ok(Some(Live::Problem(detail))) => bail!("the history service ended the stream: {detail}"),
                Ok(None) => break,
                Err(error) => {
                    eprintln!("The stream was cut off ({error}); it goes on.");
                    break;
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Follows the objects themselves. What they drop while nobody watches is not seen.
pub async fn rings(connection: &Connection, asked: &Asked, read: &[Transition], format: Format) -> anyhow::Result<Outcome> {
    let mut printer = Printer::begin(read, asked.object.is_some(), format)?;
    let wanted = Kind::all().iter().filter(|kind| asked.object.as_ref().is_none_or(|object| object.kind.name() == kind.name()));
    let watched = wanted.map(|kind| {
        let (client, namespace) = (connection.client.clone(), asked.namespace.as_deref());
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &kind.resource),
            None => Api::all_with(client, &kind.resource),
        };
        watcher(api, watcher::Config::default()).default_backoff().applied_objects().boxed()
    });
    let mut changes = futures::stream::select_all(watched);
    while let Some(change) = changes.next().await {
        // The watch begins anew by itself.
        let Ok(object) = change else { continue };
        for transition in ring::of_any(&object) {
            if asked.wants(&transition.kind, &transition.namespace, &transition.name) {
                printer.print(&transition)?;
            }
        }
    }
    bail!("the watch has ended")
}
