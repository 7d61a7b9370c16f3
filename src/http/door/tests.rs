//! What one client may cost.

use super::*;
use axum::serve::Listener as _;
use tokio::io::AsyncReadExt as _;

/// Longer than any test here waits for what does happen.
const NEVER: Duration = Duration::from_hours(1);

async fn door(limits: Limits) -> Door {
    Door::with_limits(TcpListener::bind("127.0.0.1:0").await.unwrap(), limits).unwrap()
}

/// A client that has begun to speak plain HTTP.
async fn client(door: &Door) -> TcpStream {
    let mut stream = TcpStream::connect(door.local_addr().unwrap()).await.unwrap();
    stream.write_all(b"GET").await.unwrap();
    stream
}

#[tokio::test]
async fn who_comes_when_all_places_are_taken_waits_for_one() {
    let mut door = door(Limits { connections: 2, of_host: 2, handshake: NEVER, idle: NEVER }).await;
    let _clients = [client(&door).await, client(&door).await, client(&door).await];
    let (first, _) = door.accept().await;
    let (_second, _) = door.accept().await;
    assert!(timeout(Duration::from_millis(200), door.accept()).await.is_err(), "there are two places");
    drop(first);
    door.accept().await;
}

#[tokio::test]
async fn who_says_nothing_keeps_no_place() {
    let mut door = door(Limits { connections: 1, of_host: 1, handshake: Duration::from_millis(50), idle: NEVER }).await;
    let mut silent = TcpStream::connect(door.local_addr().unwrap()).await.unwrap();
    let _client = client(&door).await;
    door.accept().await;
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0, "it is hung up on");
}

#[tokio::test]
async fn a_connection_on_which_nothing_moves_ends() {
    let mut door = door(Limits { connections: 1, of_host: 1, handshake: NEVER, idle: Duration::from_millis(50) }).await;
    let _client = client(&door).await;
    let (mut connection, _) = door.accept().await;
    let mut said = [0; 3];
    connection.read_exact(&mut said).await.unwrap();
    assert_eq!(connection.read(&mut said).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_what_the_system_buffers_and_no_more() {
    let mut door = door(Limits { connections: 1, of_host: 1, handshake: NEVER, idle: Duration::from_millis(50) }).await;
    let _client = client(&door).await;
    let (mut connection, _) = door.accept().await;
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
