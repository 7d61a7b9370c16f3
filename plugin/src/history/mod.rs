//! `history`: transitions, from the operator's history service, or from the objects themselves where it cannot be
//! reached.

mod credential;
mod follow;
mod ring;
mod service;
mod transition;

pub use credential::FRESH;
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
    let reached = Service::with(connection, async |service| {
        let transitions = service.transitions(&asked).await?;
        Ok(show(flags, &transitions, follow::service(service, &asked, &transitions, flags.output.format)).await)
    });
    match reached.await {
        Ok(outcome) => outcome,
        Err(error) => {
            notice(&error);
            let transitions = ring(connection, &asked).await?;
            show(flags, &transitions, follow::rings(connection, &asked, &transitions, flags.output.format)).await
        }
    }
}

/// Shows transitions, and goes on where that is asked for.
async fn show(
    flags: &History,
    transitions: &[Transition],
    following: impl Future<Output = anyhow::Result<Outcome>>,
) -> anyhow::Result<Outcome> {
    let format = flags.output.format;
    if flags.follow {
        return following.await;
    }
    if transitions.is_empty() && format == crate::format::Format::Text {
        eprintln!("There are no such transitions.");
    }
    format.print(&transitions, || table(transitions, flags.target.is_some(), Paint::of_stdout()))?;
    Ok(Outcome::Fine)
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

/// Says on standard error that what follows is not all there is.
pub fn notice(error: &anyhow::Error) {
    eprintln!("The history service cannot be asked ({error:#}); this is what the objects themselves still have, in status.history.");
}
