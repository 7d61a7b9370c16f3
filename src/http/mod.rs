//! The HTTP servers of the operator: metrics, health and history, each on its own address.
//!
//! Metrics and health show nothing of the content of objects. The history does: [`access`] asks the API server what each
//! caller may see, and [`TlsListener`] protects tokens on the network.

pub mod access;
mod address;
pub mod health;
pub mod history;
mod kinds;
mod log_level;
pub mod metrics;
mod page;
mod peer;
mod problem;
pub mod signing_requests;
mod tls_listener;

use self::peer::Address;
use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

pub use address::{AddressError, BindAddress};
pub use problem::{Malformed, Problem};
pub use tls_listener::{TlsListener, TlsListenerError};

/// How long open requests may take after the stop signal. A scrape or a page takes
/// milliseconds; a client that reads slower than this does not hold up the process.
const DRAIN: Duration = Duration::from_secs(3);

/// Timeout for the head of a request, and for the next request on a kept connection. Sending single bytes does not extend
/// it.
const HEAD: Duration = Duration::from_secs(10);

/// Serves until `stop` resolves, then lets open requests end.
///
/// # Errors
/// Never: a connection that is not accepted is not the end.
pub async fn serve<L>(mut listener: L, router: Router, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()>
where
    L: Listener<Addr: Address>,
{
    let (stopping, stopped) = watch::channel(false);
    tokio::pin!(stop);
    loop {
        let (io, from) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let connection = peer::of(from.ip(), connection(io, router.clone(), HEAD, stopped.clone()));
        tokio::spawn(connection);
    }
    drop((listener, stopped));
    stopping.send_replace(true);
    // Every connection holds a receiver.
    let _ = tokio::time::timeout(DRAIN, stopping.closed()).await;
    Ok(())
}

/// One connection to its end, or to the end of the request that is under way when the server stops.
async fn connection(io: impl AsyncRead + AsyncWrite + Unpin, router: Router, head: Duration, mut stopped: watch::Receiver<bool>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head);
    let serving = http.serve_connection(TokioIo::new(io), TowerToHyperService::new(router));
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => Some(ended),
        // An error means that the server is gone.
        () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        serving.as_mut().graceful_shutdown();
        serving.await
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests;
