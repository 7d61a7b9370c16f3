//! The listener of a server that takes tokens: TLS for remote clients, plain HTTP for clients on loopback.
//!
//! Tokens must not cross a network unencrypted, so remote clients are served over TLS only. `kubectl port-forward` ends at
//! the pod's loopback interface and is encrypted on its way, so a browser there gets plain HTTP instead of a warning about a
//! self-signed certificate. The certificate is made at start and kept in memory: the API server's service proxy, through
//! which most clients come, does not verify it.

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, Sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

mod hosts;
#[cfg(test)]
mod tests;

use hosts::{HostPermit, Hosts};

/// Limits of what clients can use up.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Concurrent connections, about 30 KiB each with TLS.
    connections: usize,
    /// Those of one host. The API server's service proxy is one host for all of its clients.
    per_host: usize,
    /// From the connection to the end of the handshake: a round trip or three, also from far away.
    handshake: Duration,
    /// A connection without traffic for this long is closed. Streams send a comment four times a minute, so either the client
    /// sends no request or it does not read the answer.
    idle: Duration,
}

const LIMITS: Limits = Limits { connections: 512, per_host: 128, handshake: Duration::from_secs(5), idle: Duration::from_mins(1) };
/// Pause after the system refused a connection because file descriptors or memory ran out.
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);
/// The first byte of TLS: a handshake record (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 22;
/// The answer to a remote client that speaks plain HTTP.
const SPEAK_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
    This port speaks HTTPS; plain HTTP is for kubectl port-forward.\n";

/// A listener whose connections are ready for HTTP.
pub struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(Connection, SocketAddr)>,
}

/// Why the listener cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsListenerError {
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

impl TlsListener {
    /// Serves the connections of a TCP listener.
    ///
    /// # Errors
    /// When no certificate can be made for it.
    pub fn new(listener: TcpListener) -> Result<Self, TlsListenerError> {
        Self::with_limits(listener, LIMITS)
    }

    fn with_limits(listener: TcpListener, limits: Limits) -> Result<Self, TlsListenerError> {
        let address = listener.local_addr().map_err(TlsListenerError::Address)?;
        let acceptor = acceptor()?;
        // One is enough: the server takes connections faster than clients complete their handshakes.
        let (accepted, ready) = mpsc::channel(1);
        tokio::spawn(accept_all(listener, acceptor, accepted, limits));
        Ok(Self { address, ready })
    }
}

impl axum::serve::Listener for TlsListener {
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

fn acceptor() -> Result<TlsAcceptor, TlsListenerError> {
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

/// Accepts connections until the server is gone.
async fn accept_all(listener: TcpListener, acceptor: TlsAcceptor, ready: mpsc::Sender<(Connection, SocketAddr)>, limits: Limits) {
    let connections = Arc::new(Semaphore::new(limits.connections));
    let hosts = Hosts::default();
    loop {
        let next = async {
            let permit = Arc::clone(&connections).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            () = ready.closed() => return,
        };
        // The semaphore is never closed.
        let Ok(permit) = permit else { return };
        match accepted {
            Ok((stream, peer)) => {
                let Some(of_host) = hosts.acquire(peer.ip(), limits.per_host) else { continue };
                let permits = Permits { _connection: permit, _of_host: of_host };
                let (acceptor, ready) = (acceptor.clone(), ready.clone());
                tokio::spawn(async move {
                    // A client whose handshake fails has gone, or cannot be answered.
                    if let Ok(Ok(Some(stream))) = timeout(limits.handshake, handshake(stream, peer, &acceptor)).await {
                        let _ = ready.send((Connection::new(stream, permits, limits.idle), peer)).await;
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

/// Detects the protocol of a client, and completes the TLS handshake. `None` for a remote client that speaks plain HTTP, which
/// has got its answer.
async fn handshake(mut stream: TcpStream, peer: SocketAddr, acceptor: &TlsAcceptor) -> io::Result<Option<Stream>> {
    stream.set_nodelay(true)?;
    let mut first = [0];
    stream.peek(&mut first).await?;
    if first == [TLS_HANDSHAKE] {
        return Ok(Some(Stream::Tls(Box::new(acceptor.accept(stream).await?))));
    }
    if peer.ip().to_canonical().is_loopback() {
        return Ok(Some(Stream::Plain(stream)));
    }
    stream.write_all(SPEAK_TLS).await?;
    stream.shutdown().await?;
    Ok(None)
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection that ends when it is idle for too long.
pub struct Connection {
    stream: Stream,
    idle_timeout: Duration,
    idle: Pin<Box<Sleep>>,
    _permits: Permits,
}

/// What a connection counts against while it lasts.
struct Permits {
    _connection: OwnedSemaphorePermit,
    _of_host: HostPermit,
}

impl Connection {
    fn new(stream: Stream, permits: Permits, idle_timeout: Duration) -> Self {
        Self { stream, idle_timeout, idle: Box::pin(tokio::time::sleep(idle_timeout)), _permits: permits }
    }

    /// Passes on the result of reading or writing. Traffic resets the idle timeout, and the connection ends when it is over.
    fn with_timeout<T>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            let until = Instant::now() + self.idle_timeout;
            self.idle.as_mut().reset(until);
            return result;
        }
        ready!(self.idle.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "nothing moved on the connection")))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let result = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        self.with_timeout(context, result)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        };
        self.with_timeout(context, result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        };
        // A flush without data is no traffic.
        if result.is_ready() { result } else { self.with_timeout(context, result) }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        };
        self.with_timeout(context, result)
    }
}
