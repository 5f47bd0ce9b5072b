//! A small HTTP server on 127.0.0.1 for tests, as good or as bad as a test asks for.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use reqwest::Url;

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// N of `Range: bytes=N-`.
    pub(super) from: Option<u64>,
}

/// What the server does with it.
pub(super) struct Reply {
    /// Status line after "HTTP/1.1 ", and header lines; with none of these nothing is sent.
    pub(super) head: Vec<String>,
    /// Sent after the head, but for HEAD requests.
    pub(super) body: Vec<u8>,
    /// How often the body is sent: for more bytes than anybody wants.
    pub(super) times: usize,
    /// What becomes of the connection then, whatever the head promised.
    pub(super) then: Then,
}

/// What becomes of a connection after the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Close,
    /// It stays open and nothing more comes.
    Stall,
}

impl Reply {
    /// 200 with all of `body`.
    pub(super) fn whole(body: &[u8]) -> Self {
        let head = vec!["200 OK".into(), format!("Content-Length: {}", body.len())];
        Self { head, body: body.to_vec(), times: 1, then: Then::Close }
    }

    /// 206 with `body` from byte `from` on.
    pub(super) fn range(body: &[u8], from: u64) -> Self {
        let (total, rest) = (body.len(), &body[from as usize..]);
        Self {
            head: vec![
                "206 Partial Content".into(),
                format!("Content-Length: {}", rest.len()),
                format!("Content-Range: bytes {from}-{}/{total}", total - 1),
            ],
            body: rest.to_vec(),
            ..Self::whole(b"")
        }
    }

    /// Only a status.
    pub(super) fn status(status: &str) -> Self {
        Self { head: vec![status.into(), "Content-Length: 0".into()], ..Self::whole(b"") }
    }

    /// 302 to another place.
    pub(super) fn redirect(to: impl AsRef<str>) -> Self {
        Self::status("302 Found").with(format!("Location: {}", to.as_ref()))
    }

    /// Never a byte, on an open connection.
    pub(super) fn silence() -> Self {
        Self { head: Vec::new(), then: Then::Stall, ..Self::whole(b"") }
    }

    /// The connection ends after this many bytes of the body.
    pub(super) fn breaking_after(mut self, bytes: usize) -> Self {
        self.body.truncate(bytes);
        self
    }

    /// Nothing comes after this many bytes of the body, and the connection stays open.
    pub(super) fn stalling_after(self, bytes: usize) -> Self {
        Self { then: Then::Stall, ..self.breaking_after(bytes) }
    }

    /// Without telling the length.
    pub(super) fn unannounced(mut self) -> Self {
        self.head.retain(|line| !line.starts_with("Content-Length"));
        self
    }

    /// With one more header line.
    pub(super) fn with(mut self, line: impl Into<String>) -> Self {
        self.head.push(line.into());
        self
    }
}

type Handler = dyn Fn(&Request, usize) -> Reply + Send + Sync;

/// The running server; it ends when dropped.
pub(super) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    sent: Arc<AtomicU64>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server that answers the n-th request (from 0) as `handler` says.
    pub(super) fn start(handler: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, sent, end) = (Arc::default(), Arc::default(), Arc::default());
        let thread = {
            let (seen, sent, end) = (Arc::clone(&seen), Arc::clone(&sent), Arc::clone(&end));
            thread::spawn(move || serve(&listener, &handler, &seen, &sent, &end))
        };
        Self { address, seen, sent, end, thread: Some(thread) }
    }

    pub(super) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }

    /// All requests so far.
    pub(super) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// Bytes of bodies sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(
    listener: &TcpListener,
    handler: &Handler,
    seen: &Mutex<Vec<Request>>,
    sent: &AtomicU64,
    end: &AtomicBool,
) {
    // Ends stalled connections when the server does.
    let mut stalled = Vec::new();
    for stream in listener.incoming() {
        if end.load(Ordering::SeqCst) {
            return;
        }
        let mut stream = stream.unwrap();
        // A test that goes wrong ends instead of hanging.
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
        let Some(request) = read_request(&stream) else { continue };
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        let reply = handler(&request, number);
        send(&mut stream, &request, &reply, sent);
        match reply.then {
            Then::Close => drop(stream.shutdown(Shutdown::Both)),
            Then::Stall => stalled.push(stream),
        }
    }
}

/// Sends as much as the client takes: it may have gone, which is its right.
fn send(stream: &mut TcpStream, request: &Request, reply: &Reply, sent: &AtomicU64) {
    if reply.head.is_empty() {
        return;
    }
    let head = format!("HTTP/1.1 {}\r\nConnection: close\r\n\r\n", reply.head.join("\r\n"));
    if stream.write_all(head.as_bytes()).is_err() || request.method == "HEAD" {
        return;
    }
    for _ in 0..reply.times {
        if stream.write_all(&reply.body).is_err() {
            return;
        }
        sent.fetch_add(reply.body.len() as u64, Ordering::SeqCst);
    }
}

fn read_request(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut from = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(range) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().ok();
        }
    }
    Some(Request { method, path, from })
}
