//! A service of the test: it answers as it is told, and remembers what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How it answers one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// With a whole answer: status, extra headers, body.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// With a part of what it announces, and then nothing.
    Half,
    /// With a body that does not end.
    Endless,
    /// Not at all.
    Never,
}

impl Reply {
    pub(crate) fn ok(body: &str) -> Self {
        Self::Whole(200, Vec::new(), body.as_bytes().to_vec())
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Whole(status, Vec::new(), b"no".to_vec())
    }

    pub(crate) fn redirect(status: u16, location: &str) -> Self {
        Self::Whole(status, vec![("Location", location.to_owned())], Vec::new())
    }
}

/// What it was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// `GET /path HTTP/1.1`.
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

pub(crate) struct Service {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Service {
    /// Answers each request with the next reply, and then always with the last one.
    pub(crate) fn start(replies: Vec<Reply>) -> Self {
        Self::serve(replies, "http", |stream, answer| answer(&mut &stream))
    }

    /// The same behind whatever `wrap` makes of a connection.
    pub(crate) fn serve(
        replies: Vec<Reply>,
        scheme: &str,
        wrap: impl Fn(TcpStream, &mut dyn FnMut(&mut dyn Stream)) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&asked);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let reply = replies[number.min(replies.len() - 1)].clone();
                wrap(stream.unwrap(), &mut |stream| answer(stream, &reply, &record));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

pub(crate) trait Stream: std::io::Read + Write {}
impl<T: std::io::Read + Write> Stream for T {}

fn answer(stream: &mut dyn Stream, reply: &Reply, record: &Mutex<Vec<Asked>>) {
    let Some(asked) = read(stream) else { return };
    record.lock().unwrap().push(asked);
    // The other side may be gone: that is its right.
    let _ = match reply {
        Reply::Whole(status, headers, body) => {
            let headers = headers.iter().fold(String::new(), |text, (name, value)| text + name + ": " + value + "\r\n");
            write!(stream, "HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())
                .and_then(|()| stream.write_all(body))
                .and_then(|()| stream.flush())
        }
        Reply::Half => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nclasses: {ntp: {}}\n"),
        Reply::Endless => {
            let line = [b'#'; 8192];
            let begun = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            begun.and_then(|()| (0..2000).try_for_each(|_| stream.write_all(&line)))
        }
        Reply::Never => {
            std::thread::sleep(Duration::from_secs(5));
            Ok(())
        }
    };
}

fn read(stream: &mut dyn Stream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut asked = Asked::default();
    reader.read_line(&mut asked.line).ok().filter(|count| *count > 0)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        asked.headers.push((name.to_owned(), value.to_owned()));
    }
    let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8(body).unwrap();
    asked.line = asked.line.trim_end().to_owned();
    Some(asked)
}
