//! Calls and events of the DevTools protocol over a WebSocket; knows nothing of what they mean.

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

use super::process::Endpoint;

/// How long a call may take: a large page is drawn in a second or two.
const ANSWERING: Duration = Duration::from_secs(60);
/// How long the other side may take to close the connection, asked to.
const ENDING: Duration = Duration::from_secs(5);

/// What a browser or a page tells by itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    /// As "Page.loadEventFired".
    pub(super) method: String,
    /// Its parameters.
    pub(super) params: Value,
}

/// A connection to a browser or to one of its pages.
#[derive(Debug)]
pub(super) struct Connection {
    socket: WebSocket<TcpStream>,
    calls: u64,
    events: Vec<Event>,
}

impl Connection {
    /// # Errors
    /// If nobody listens there.
    pub(super) fn open(endpoint: &Endpoint) -> Result<Self> {
        let address = format!("ws://127.0.0.1:{}{}", endpoint.port, endpoint.path);
        let stream = TcpStream::connect(("127.0.0.1", endpoint.port))
            .with_context(|| format!("connecting to {address}"))?;
        // Each call waits for its answer: gathering small packets would only delay them.
        stream.set_nodelay(true).context("setting up the connection")?;
        stream.set_read_timeout(Some(ANSWERING)).context("setting up the connection")?;
        // A screenshot is one message of any size.
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let (socket, _) = tungstenite::client::client_with_config(address.as_str(), stream, Some(config))
            .map_err(|error| anyhow::anyhow!("opening {address}: {error}"))?;
        Ok(Self { socket, calls: 0, events: Vec::new() })
    }

    /// The result of a method.
    ///
    /// # Errors
    /// If it fails there, or no answer comes.
    pub(super) fn call(&mut self, method: &str, params: &Value) -> Result<Value> {
        self.calls += 1;
        let call = json!({ "id": self.calls, "method": method, "params": params });
        self.socket.send(Message::text(call.to_string())).with_context(|| format!("calling {method}"))?;
        let end = Instant::now() + ANSWERING;
        loop {
            let Some(said) = self.said(end).with_context(|| format!("waiting for {method}"))? else {
                bail!("{method} does not answer after {} s", ANSWERING.as_secs());
            };
            match said {
                Said::Event(event) => self.events.push(event),
                Said::Result { id, result } if id == self.calls => {
                    return result.map_err(|error| anyhow::anyhow!("{method}: {error}"));
                }
                // The late answer of a call that was given up.
                Said::Result { .. } => {}
            }
        }
    }

    /// Waits for an event of this name among those that have not been taken.
    ///
    /// # Errors
    /// If it does not come in time.
    pub(super) fn wait_for(&mut self, method: &str, timeout: Duration) -> Result<()> {
        let end = Instant::now() + timeout;
        while !self.events.iter().any(|event| event.method == method) {
            match self.said(end).with_context(|| format!("waiting for {method}"))? {
                Some(Said::Event(event)) => self.events.push(event),
                Some(Said::Result { .. }) => {}
                None => bail!("no {method} after {} s", timeout.as_secs()),
            }
        }
        Ok(())
    }

    /// Takes all events that came before the answer of the last call.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Calls a method that ends what is connected, and waits a while until it has.
    pub(super) fn end(&mut self, method: &str) {
        let call = json!({ "id": self.calls + 1, "method": method });
        if self.socket.send(Message::text(call.to_string())).is_ok() {
            let end = Instant::now() + ENDING;
            while let Ok(Some(_)) = self.said(end) {}
        }
    }

    /// The next thing that is said; `None` if the time is over first.
    fn said(&mut self, end: Instant) -> Result<Option<Said>> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.socket.get_ref().set_read_timeout(Some(left)).context("setting a time limit")?;
            match self.socket.read() {
                Ok(Message::Text(text)) => return Said::read(text.as_str()).map(Some),
                // Pings are answered by the next read.
                Ok(Message::Close(_)) => bail!("the browser has closed the connection"),
                Ok(_) => {}
                Err(tungstenite::Error::Io(error))
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(error) => return Err(error).context("the connection to the browser broke"),
            }
        }
    }
}

/// One message from the other side.
#[derive(Debug, PartialEq)]
enum Said {
    Event(Event),
    Result { id: u64, result: Result<Value, String> },
}

impl Said {
    fn read(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Fields {
            id: Option<u64>,
            #[serde(default)]
            result: Value,
            error: Option<Value>,
            method: Option<String>,
            #[serde(default)]
            params: Value,
        }
        let shown = || text.chars().take(200).collect::<String>();
        let fields: Fields =
            serde_json::from_str(text).with_context(|| format!("the browser says {:?}", shown()))?;
        match fields {
            Fields { id: Some(id), error: Some(error), .. } => {
                let message = error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned);
                Ok(Self::Result { id, result: Err(message) })
            }
            Fields { id: Some(id), result, .. } => Ok(Self::Result { id, result: Ok(result) }),
            Fields { method: Some(method), params, .. } => Ok(Self::Event(Event { method, params })),
            _ => bail!("the browser says {:?}, expected an answer or an event", shown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn messages_are_answers_or_events() {
        let check = |text, expected: Said| assert_eq!(Said::read(text).unwrap(), expected, "{text}");
        check(r#"{"id": 3, "result": {"a": 1}}"#, Said::Result { id: 3, result: Ok(json!({"a": 1})) });
        check(r#"{"id": 3}"#, Said::Result { id: 3, result: Ok(Value::Null) });
        let refused = r#"{"id": 3, "error": {"code": -32000, "message": "no such node"}}"#;
        check(refused, Said::Result { id: 3, result: Err("no such node".to_owned()) });
        let event = Event { method: "Page.loadEventFired".to_owned(), params: json!({"timestamp": 1.5}) };
        check(r#"{"method": "Page.loadEventFired", "params": {"timestamp": 1.5}}"#, Said::Event(event));
        for wrong in ["", "{}", "[]"] {
            assert!(Said::read(wrong).is_err(), "{wrong:?}");
        }
    }

    /// A browser's side of a connection that says these lines after the first call and then closes.
    fn connected(lines: &'static [&'static str]) -> Connection {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
            let call = socket.read().unwrap();
            assert!(call.to_text().unwrap().contains(r#""id":1"#), "{call}");
            for line in lines {
                socket.send(Message::text(*line)).unwrap();
            }
            let _ = socket.close(None);
            while socket.read().is_ok() {}
        });
        Connection::open(&Endpoint { port, path: "/devtools/browser/1".to_owned() }).unwrap()
    }

    #[test]
    fn events_before_the_answer_are_kept() {
        let mut connection = connected(&[
            r#"{"method": "Log.entryAdded", "params": {}}"#,
            r#"{"id": 0, "result": 7}"#,
            r#"{"id": 1, "result": 8}"#,
            r#"{"method": "Page.loadEventFired"}"#,
        ]);
        assert_eq!(connection.call("Page.navigate", &json!({})).unwrap(), json!(8));
        connection.wait_for("Page.loadEventFired", ANSWERING).unwrap();
        let methods: Vec<String> = connection.take_events().into_iter().map(|event| event.method).collect();
        assert_eq!(methods, ["Log.entryAdded", "Page.loadEventFired"]);
        assert!(connection.take_events().is_empty());
    }

    #[test]
    fn an_answer_that_does_not_come_is_an_error() {
        let check = |lines, expected: &str| {
            let error = format!("{:#}", connected(lines).call("Page.navigate", &json!({})).unwrap_err());
            assert!(error.contains("Page.navigate") && error.contains(expected), "{error}");
        };
        check(&[r#"{"id": 1, "error": {"message": "not allowed"}}"#], "not allowed");
        check(&[r#"{"id": 2, "result": 8}"#], "closed");
        check(&["<html>"], "<html>");
        let error = connected(&[]).wait_for("Page.loadEventFired", Duration::from_millis(20)).unwrap_err();
        assert!(error.to_string().contains("no Page.loadEventFired"), "{error}");
    }
}
