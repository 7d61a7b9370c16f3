//! The HTTP servers of the operator: metrics, health and history, each on its own address.
//!
//! Metrics and health tell nothing about the content of objects. The history does: [`access`] asks the API server what
//! each caller may see, and [`Door`] keeps their tokens from crossing the network in the clear.

pub mod access;
mod address;
mod door;
pub mod health;
pub mod history;
mod kinds;
mod log_level;
pub mod metrics;
mod page;
mod problem;
pub mod signing_requests;

use std::io;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;

pub use address::{AddressError, BindAddress};
pub use door::{Door, DoorError};
pub use problem::{Malformed, Problem};

/// How long open requests may take after the stop signal. A scrape or a page takes
/// milliseconds; a client that reads slower than this does not hold up the process.
const DRAIN: Duration = Duration::from_secs(3);

/// Serves until `stop` resolves, then lets open requests end.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve<L>(listener: L, router: Router, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()>
where
    L: Listener<Addr: std::fmt::Debug>,
{
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop.await;
        stopping.send_replace(true);
    });
    let drained = async move {
        // An error means that the sender is gone, and with it the server.
        let _ = stopped.wait_for(|stopping| *stopping).await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        result = server.into_future() => result,
        () = drained => Ok(()),
    }
}

#[cfg(test)]
mod tests;
