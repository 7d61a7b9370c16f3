//! A receiver of spans: OTLP over HTTP, as far as spans, their parents and their names go.
//!
//! The messages are read by the numbers of their fields in opentelemetry-proto's `trace_service.proto` and
//! `trace.proto`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A span as it was exported; ids in hexadecimal.
#[derive(Debug, Clone, Default)]
pub struct Span {
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub name: String,
}

/// Everything that was exported so far.
pub struct Receiver {
    pub endpoint: String,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&bodies);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let received = Arc::clone(&received);
                std::thread::spawn(move || serve(stream, &received));
            }
        });
        Self { endpoint, bodies }
    }

    pub fn spans(&self) -> Vec<Span> {
        self.bodies.lock().unwrap().iter().flat_map(|body| spans(body)).collect()
    }

    /// Everything that was exported, names and attributes alike, as text with what is none left out.
    pub fn text(&self) -> String {
        self.bodies.lock().unwrap().iter().map(|body| String::from_utf8_lossy(body)).collect()
    }
}

fn serve(stream: TcpStream, received: &Mutex<Vec<Vec<u8>>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        let mut first = String::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.trim().is_empty() {
                break;
            }
            if first.is_empty() {
                first = line;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        assert!(first.starts_with("POST /v1/traces "), "{first}");
        received.lock().unwrap().push(body);
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}

/// `ExportTraceServiceRequest.resource_spans` = 1, `ResourceSpans.scope_spans` = 2, `ScopeSpans.spans` = 2.
fn spans(request: &[u8]) -> Vec<Span> {
    let of_resources = fields(request).into_iter().filter(|(number, _)| *number == 1);
    let scopes = of_resources.flat_map(|(_, resource)| fields(resource)).filter(|(number, _)| *number == 2);
    let spans = scopes.flat_map(|(_, scope)| fields(scope)).filter(|(number, _)| *number == 2);
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    spans
        .map(|(_, span)| {
            let mut read = Span::default();
            for (number, value) in fields(span) {
                match number {
                    1 => read.trace = hex(value),
                    2 => read.id = hex(value),
                    4 => read.parent = hex(value),
                    5 => read.name = String::from_utf8(value.to_vec()).unwrap(),
                    _ => {}
                }
            }
            read
        })
        .collect()
}

/// The length-delimited fields of a protobuf message; others are stepped over.
fn fields(mut message: &[u8]) -> Vec<(u64, &[u8])> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        match key & 7 {
            0 => {
                varint(&mut message);
            }
            1 => message = &message[8..],
            5 => message = &message[4..],
            2 => {
                let length = usize::try_from(varint(&mut message)).unwrap();
                let (value, rest) = message.split_at(length);
                found.push((key >> 3, value));
                message = rest;
            }
            other => panic!("wire type {other} is not part of proto3"),
        }
    }
    found
}

fn varint(message: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first().expect("a complete number");
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("a number of more than 64 bits");
}
