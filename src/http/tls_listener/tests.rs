//! Limits of connections.

use super::*;
use axum::serve::Listener as _;
use tokio::io::AsyncReadExt as _;

/// Longer than any test here lasts.
const NEVER: Duration = Duration::from_hours(1);

async fn listener(limits: Limits) -> TlsListener {
    TlsListener::with_limits(TcpListener::bind("127.0.0.1:0").await.unwrap(), limits).unwrap()
}

/// A client that has sent the start of a plain HTTP request.
async fn client(listener: &TlsListener) -> TcpStream {
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    stream.write_all(b"GET").await.unwrap();
    stream
}

#[tokio::test]
async fn a_client_beyond_the_limit_of_connections_waits() {
    let mut listener = listener(Limits { connections: 2, per_host: 2, handshake: NEVER, idle: NEVER }).await;
    let _clients = [client(&listener).await, client(&listener).await, client(&listener).await];
    let (first, _) = listener.accept().await;
    let (_second, _) = listener.accept().await;
    assert!(timeout(Duration::from_millis(200), listener.accept()).await.is_err(), "the limit is two connections");
    drop(first);
    listener.accept().await;
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_disconnected() {
    let mut listener = listener(Limits { connections: 1, per_host: 1, handshake: Duration::from_millis(50), idle: NEVER }).await;
    let mut silent = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let _client = client(&listener).await;
    listener.accept().await;
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0, "the connection is closed");
}

#[tokio::test]
async fn an_idle_connection_ends() {
    let mut listener = listener(Limits { connections: 1, per_host: 1, handshake: NEVER, idle: Duration::from_millis(50) }).await;
    let _client = client(&listener).await;
    let (mut connection, _) = listener.accept().await;
    let mut said = [0; 3];
    connection.read_exact(&mut said).await.unwrap();
    assert_eq!(connection.read(&mut said).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_what_the_system_buffers_and_no_more() {
    let mut listener = listener(Limits { connections: 1, per_host: 1, handshake: NEVER, idle: Duration::from_millis(50) }).await;
    let _client = client(&listener).await;
    let (mut connection, _) = listener.accept().await;
    let page = vec![0; 64 * 1024];
    let mut taken = 0;
    let error = loop {
        match connection.write(&page).await {
            Ok(bytes) => taken += bytes,
            Err(error) => break error,
        }
        assert!(taken < 64 << 20, "the system takes it all");
    };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}
