//! `history`: transitions, from the operator's history service, or from the objects themselves where it cannot be
//! reached.

mod follow;
mod ring;
mod service;
mod transition;

pub use ring::newest as ring;
pub use service::{Asked, Service};
pub use transition::Transition;

use crate::cli::History;
use crate::connection::Connection;
use crate::outcome::Outcome;
use crate::paint::Paint;
use chrono::{DateTime, Utc};
use transition::table;

/// Shows transitions, oldest first.
///
/// # Errors
/// If neither the service nor the objects can be asked, or the one that is named exists nowhere.
pub async fn run(connection: &Connection, flags: &History) -> anyhow::Result<Outcome> {
    let asked = asked(connection, flags)?;
    let format = flags.output.format;
    let (transitions, service) = match reached(connection, &asked).await {
        Ok((transitions, service)) => (transitions, Some(service)),
        Err(error) => {
            notice(&error);
            (ring(connection, &asked).await?, None)
        }
    };
    if transitions.is_empty() && !flags.follow && format == crate::format::Format::Text {
        eprintln!("There are no such transitions.");
    }
    if !flags.follow {
        format.print(&transitions, || table(&transitions, flags.target.is_some(), Paint::of_stdout()))?;
        return Ok(Outcome::Fine);
    }
    match service {
        Some(service) => follow::service(&service, &asked, &transitions, format).await,
        None => follow::rings(connection, &asked, &transitions, format).await,
    }
}

fn asked(connection: &Connection, flags: &History) -> anyhow::Result<Asked> {
    let object = flags.target.clone();
    let namespace = match &object {
        Some(_) => Some(connection.one_namespace()?.to_owned()),
        None => connection.namespace.clone(),
    };
    let since: Option<DateTime<Utc>> = flags.since.map(|since| since.from(Utc::now()));
    Ok(Asked { object, namespace, since })
}

/// What the service has, and the service to go on with.
async fn reached(connection: &Connection, asked: &Asked) -> anyhow::Result<(Vec<Transition>, Service)> {
    let service = Service::find(connection).await?;
    Ok((service.transitions(asked).await?, service))
}

/// Says on standard error that what follows is not all there is.
pub fn notice(error: &anyhow::Error) {
    eprintln!("The history service cannot be asked ({error:#}); this is what the objects themselves still have, in status.history.");
}
