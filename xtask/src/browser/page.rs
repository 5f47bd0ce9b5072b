//! One page of a browser: opened, asked, drawn into a PNG file; knows nothing of what is on it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::connection::{Connection, Event};
use super::process::Endpoint;
use crate::interrupt;

/// How long a page may take to load its own files.
const LOADING: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// A part of a page, in CSS pixels from its upper left corner.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub(crate) struct Rectangle {
    /// The left edge.
    pub(crate) x: f64,
    /// The upper edge.
    pub(crate) y: f64,
    /// To the right.
    pub(crate) width: f64,
    /// Downwards.
    pub(crate) height: f64,
}

/// What the user of a page likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// An open page; it is closed when this is dropped.
#[derive(Debug)]
pub(crate) struct Page {
    connection: Connection,
    errors: Vec<String>,
    requests: Vec<String>,
}

impl Page {
    pub(super) fn open_at(endpoint: &Endpoint, width: u32, height: u32) -> Result<Self> {
        let mut page =
            Self { connection: Connection::open(endpoint)?, errors: Vec::new(), requests: Vec::new() };
        for domain in ["Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), &json!({}))?;
        }
        page.resize(width, height, 1.0)?;
        Ok(page)
    }

    /// Makes it this many CSS pixels wide and high, each so many pixels of a screenshot in both directions.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub(crate) fn resize(&mut self, width: u32, height: u32, scale: f64) -> Result<()> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size)?;
        Ok(())
    }

    /// Puts entries into the local storage of every site that is opened from now on, before its scripts run.
    ///
    /// # Errors
    /// If the browser does not answer; so for all methods.
    pub(crate) fn local_storage(&mut self, entries: &[(&str, &str)]) -> Result<()> {
        let entry =
            |(key, value): &(&str, &str)| format!("localStorage.setItem({}, {});", json!(key), json!(value));
        self.before_load(&entries.iter().map(entry).collect::<String>())
    }

    /// Tells pages that the user likes this theme.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub(crate) fn prefer(&mut self, theme: Theme) -> Result<()> {
        let value = match theme {
            Theme::Light => "light",
            Theme::Dark => "dark",
        };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.call("Emulation.setEmulatedMedia", &features)?;
        Ok(())
    }

    /// Has [`Self::requests`] know what is asked for from now on.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub(crate) fn watch_requests(&mut self) -> Result<()> {
        self.call("Network.enable", &json!({}))?;
        Ok(())
    }

    /// Has a script run in every document that is opened from now on, before its own scripts.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub(crate) fn before_load(&mut self, script: &str) -> Result<()> {
        self.call("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }))?;
        Ok(())
    }

    /// Opens an address and waits until it is loaded.
    ///
    /// # Errors
    /// If there is nothing at that address.
    pub(crate) fn open(&mut self, url: &str) -> Result<()> {
        self.take_events();
        let opened = self.call("Page.navigate", &json!({ "url": url }))?;
        if let Some(why) = opened["errorText"].as_str() {
            bail!("opening {url}: {why}");
        }
        // Only another fragment of the same document has none.
        if opened["loaderId"].is_string() {
            let loaded = self.connection.wait_for("Page.loadEventFired", LOADING);
            loaded.with_context(|| format!("opening {url}"))?;
        }
        Ok(())
    }

    /// The value of a JavaScript expression, or what its promise comes to.
    ///
    /// # Errors
    /// If it throws.
    pub(crate) fn eval(&mut self, expression: &str) -> Result<Value> {
        let question = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &question)?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(anyhow!("{}", thrown(details))),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    /// Waits until an expression is `true`. Any other value is its state, to be told if the time is over first.
    ///
    /// # Errors
    /// If it does not become true: with its last state, and the errors of the page.
    pub(crate) fn wait_for(&mut self, expression: &str, timeout: Duration) -> Result<()> {
        let end = Instant::now() + timeout;
        loop {
            interrupt::check()?;
            let state = match self.eval(expression) {
                Ok(Value::Bool(true)) => return Ok(()),
                Ok(Value::String(state)) => state,
                Ok(state) => state.to_string(),
                // What it asks for may not be there yet.
                Err(error) => format!("{error:#}"),
            };
            if Instant::now() > end {
                let mut why = format!("not ready after {} s: {state}", timeout.as_secs());
                for error in self.console_errors()? {
                    why += &format!("; on the console: {error}");
                }
                bail!("{why}");
            }
            thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// Writes what is to be seen, or a part of it, into a PNG file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn screenshot(&mut self, path: &Path, clip: Option<Rectangle>) -> Result<()> {
        let png = self.picture(clip)?;
        fs::write(path, png).with_context(|| format!("writing {}", path.display()))
    }

    /// What is to be seen, or a part of it, as a PNG file.
    ///
    /// # Errors
    /// If the browser gives no picture.
    pub(crate) fn picture(&mut self, clip: Option<Rectangle>) -> Result<Vec<u8>> {
        let mut options = json!({ "format": "png" });
        if let Some(Rectangle { x, y, width, height }) = clip {
            options["clip"] = json!({ "x": x, "y": y, "width": width, "height": height, "scale": 1 });
        }
        let answer = self.call("Page.captureScreenshot", &options)?;
        let data = answer["data"].as_str().context("the browser gives no picture")?;
        STANDARD.decode(data).context("the browser's picture is not base64")
    }

    /// Errors on the console and uncaught exceptions since the page was made, not its warnings.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub(crate) fn console_errors(&mut self) -> Result<Vec<String>> {
        // Events come before the answer of a call made after them.
        self.eval("0")?;
        self.take_events();
        Ok(self.errors.clone())
    }

    /// Every address that was asked for since [`Self::watch_requests`], that of the page among them.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub(crate) fn requests(&mut self) -> Result<Vec<String>> {
        self.eval("0")?;
        self.take_events();
        Ok(self.requests.clone())
    }

    /// What a screen reader says of every element of a role, such as `image`: its name, maybe empty.
    ///
    /// # Errors
    /// If the browser does not answer.
    pub(crate) fn accessible_names(&mut self, role: &str) -> Result<Vec<String>> {
        let tree = self.call("Accessibility.getFullAXTree", &json!({}))?;
        let nodes = tree["nodes"].as_array().context("the browser gives no tree of what can be read out")?;
        let of_role = nodes.iter().filter(|node| node["ignored"] != true && node["role"]["value"] == role);
        Ok(of_role.map(|node| node["name"]["value"].as_str().unwrap_or_default().to_owned()).collect())
    }

    fn call(&mut self, method: &str, params: &Value) -> Result<Value> {
        self.connection.call(method, params)
    }

    fn take_events(&mut self) {
        let events = self.connection.take_events();
        self.errors.extend(events.iter().filter_map(console_error));
        self.requests.extend(events.iter().filter_map(request));
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.connection.end("Page.close");
    }
}

/// The address that an event says is asked for.
fn request(event: &Event) -> Option<String> {
    let is_request = event.method == "Network.requestWillBeSent";
    is_request.then(|| event.params["request"]["url"].as_str().unwrap_or("an unknown address").to_owned())
}

/// What an event says went wrong.
fn console_error(event: &Event) -> Option<String> {
    let params = &event.params;
    match event.method.as_str() {
        "Runtime.exceptionThrown" => Some(thrown(&params["exceptionDetails"])),
        "Runtime.consoleAPICalled" if params["type"] == "error" => {
            let argument = |argument: &Value| match argument.get("value") {
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
                None => argument["description"].as_str().unwrap_or("an object").to_owned(),
            };
            let arguments = params["args"].as_array().into_iter().flatten();
            Some(arguments.map(argument).collect::<Vec<_>>().join(" "))
        }
        "Log.entryAdded" if params["entry"]["level"] == "error" => {
            let entry = &params["entry"];
            let text = entry["text"].as_str().unwrap_or("an entry");
            Some(entry["url"].as_str().map_or_else(|| text.to_owned(), |url| format!("{text} ({url})")))
        }
        _ => None,
    }
}

/// The first line of an exception.
fn thrown(details: &Value) -> String {
    let exception = details["exception"]["description"].as_str();
    let text = exception.or_else(|| details["text"].as_str()).unwrap_or("an exception");
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_console() {
        let check = |method: &str, params: Value, expected: Option<&str>| {
            let event = Event { method: method.to_owned(), params };
            assert_eq!(console_error(&event).as_deref(), expected, "{event:?}");
        };
        let called = |kind, args| json!({ "type": kind, "args": args });
        let console = "Runtime.consoleAPICalled";
        check(console, called("error", json!([{"value": "bad"}, {"value": 7}])), Some("bad 7"));
        check(console, called("error", json!([{"description": "Error: no"}])), Some("Error: no"));
        check(console, called("warning", json!([{"value": "bad"}])), None);
        let thrown = json!({"text": "Uncaught", "exception": {"description": "TypeError: x\n  at f"}});
        check("Runtime.exceptionThrown", json!({"exceptionDetails": thrown}), Some("TypeError: x"));
        check("Runtime.exceptionThrown", json!({"exceptionDetails": {"text": "Uncaught"}}), Some("Uncaught"));
        let logged = |level| json!({"entry": {"level": level, "text": "404", "url": "http://a/b"}});
        check("Log.entryAdded", logged("error"), Some("404 (http://a/b)"));
        check("Log.entryAdded", logged("warning"), None);
        check("Page.loadEventFired", json!({}), None);
    }

    #[test]
    fn requests_are_known() {
        let check = |method: &str, params: Value, expected: Option<&str>| {
            let event = Event { method: method.to_owned(), params };
            assert_eq!(request(&event).as_deref(), expected, "{event:?}");
        };
        let asked = || json!({"request": {"url": "http://a/b", "method": "GET"}});
        check("Network.requestWillBeSent", asked(), Some("http://a/b"));
        check("Network.requestWillBeSent", json!({}), Some("an unknown address"));
        check("Network.responseReceived", asked(), None);
    }
}
