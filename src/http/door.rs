//! The door of a server that asks for tokens: TLS for who comes over the network, plain HTTP for who comes through loopback.
//!
//! Tokens must not cross a network in the clear, so the network is served over TLS alone. `kubectl port-forward` ends at
//! the pod's loopback and is encrypted on its way, so there a browser is spared the warning about a certificate that
//! nobody signed. The certificate is made at start and lives in memory: the API server's service proxy, through which
//! people come, does not verify it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, Sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

mod hosts;
#[cfg(test)]
mod tests;

use hosts::{Hosts, Seat};

/// What one side may cost the other.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Connections at once, about 30 KiB each with TLS.
    connections: usize,
    /// Those of one host. The API server's service proxy is one host for all who come through it.
    of_host: usize,
    /// From the connection to the end of the handshake: a round trip or three, also from far away.
    handshake: Duration,
    /// A connection on which no byte moves for this long is closed: streams send a comment four times a minute, so
    /// either nobody wants anything or a reader does not read.
    idle: Duration,
}

const LIMITS: Limits = Limits { connections: 512, of_host: 128, handshake: Duration::from_secs(5), idle: Duration::from_mins(1) };
/// Pause after the system refused a connection for want of file descriptors or memory.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);
/// The first byte of TLS: a handshake record (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 22;
/// What a plain client hears over the network.
const SPEAK_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
    This port speaks HTTPS; plain HTTP is for kubectl port-forward.\n";

/// A listener whose connections are ready for HTTP.
pub struct Door {
    address: SocketAddr,
    ready: mpsc::Receiver<(Connection, SocketAddr)>,
}

/// The door cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The listener has no address.
    #[error("failed to read the address of a server that asks for tokens")]
    Address(#[source] io::Error),
    /// No key or certificate could be made.
    #[error("failed to make a certificate for a server that asks for tokens")]
    Certificate(#[from] rcgen::Error),
    /// rustls does not take them.
    #[error("failed to set up TLS for a server that asks for tokens")]
    Tls(#[from] rustls::Error),
}

impl Door {
    /// Opens the door over a listener.
    ///
    /// # Errors
    /// When no certificate can be made for it.
    pub fn open(listener: TcpListener) -> Result<Self, DoorError> {
        Self::with_limits(listener, LIMITS)
    }

    fn with_limits(listener: TcpListener, limits: Limits) -> Result<Self, DoorError> {
        let address = listener.local_addr().map_err(DoorError::Address)?;
        let acceptor = acceptor()?;
        // One: who got through waits for the server, not the other way round.
        let (through, ready) = mpsc::channel(1);
        tokio::spawn(receive(listener, acceptor, through, limits));
        Ok(Self { address, ready })
    }
}

impl axum::serve::Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

fn acceptor() -> Result<TlsAcceptor, DoorError> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let certificate = CertificateParams::new(["openvox-operator".to_owned()])?.self_signed(&key)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Takes connections until the server is gone.
async fn receive(listener: TcpListener, acceptor: TlsAcceptor, through: mpsc::Sender<(Connection, SocketAddr)>, limits: Limits) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let hosts = Hosts::default();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = through.closed() => return,
        };
        // The semaphore is never closed.
        let Ok(place) = place else { return };
        match accepted {
            Ok((stream, peer)) => {
                let Some(seat) = hosts.seat(peer.ip(), limits.of_host) else { continue };
                let place = Place { _place: place, _seat: seat };
                let (acceptor, through) = (acceptor.clone(), through.clone());
                tokio::spawn(async move {
                    // Whoever does not get through has gone, or is nobody we could answer.
                    if let Ok(Ok(Some(wire))) = timeout(limits.handshake, greet(stream, peer, &acceptor)).await {
                        let _ = through.send((Connection::new(wire, place, limits.idle), peer)).await;
                    }
                });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection to the history server was not accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// Finds out what the other side speaks. `None` for plain HTTP over the network, after saying so.
async fn greet(mut stream: TcpStream, peer: SocketAddr, acceptor: &TlsAcceptor) -> io::Result<Option<Wire>> {
    stream.set_nodelay(true)?;
    let mut first = [0];
    stream.peek(&mut first).await?;
    if first == [TLS_HANDSHAKE] {
        return Ok(Some(Wire::Tls(Box::new(acceptor.accept(stream).await?))));
    }
    if peer.ip().to_canonical().is_loopback() {
        return Ok(Some(Wire::Plain(stream)));
    }
    stream.write_all(SPEAK_TLS).await?;
    stream.shutdown().await?;
    Ok(None)
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection that ends when nothing moves on it.
pub struct Connection {
    wire: Wire,
    /// How long nothing may move.
    patience: Duration,
    idle: Pin<Box<Sleep>>,
    _place: Place,
}

/// What a connection takes up while it lasts.
struct Place {
    _place: OwnedSemaphorePermit,
    _seat: Seat,
}

impl Connection {
    fn new(wire: Wire, place: Place, patience: Duration) -> Self {
        Self { wire, patience, idle: Box::pin(tokio::time::sleep(patience)), _place: place }
    }

    /// Passes on what came of reading or writing: bytes that moved keep the connection, and waiting for too long ends it.
    fn moved<T>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            let until = Instant::now() + self.patience;
            self.idle.as_mut().reset(until);
            return result;
        }
        ready!(self.idle.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "nothing moved on the connection")))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let result = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Wire::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        self.moved(context, result)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Wire::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        };
        self.moved(context, result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(context),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(context),
        };
        // A flush of nothing is no sign of life.
        if result.is_ready() { result } else { self.moved(context, result) }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        };
        self.moved(context, result)
    }
}
