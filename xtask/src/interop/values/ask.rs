//! Questions to TensorBoard's data API, and its answers against what is expected; knows nothing of values.

use std::fmt::Debug;

use anyhow::{Context, Result, bail, ensure};
use reqwest::Url;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::tensorboard::Server;

/// Questions to one plugin about one run, which have the same name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    server: &'a Server,
    name: &'a str,
}

impl<'a> Ask<'a> {
    pub(super) fn new(server: &'a Server, name: &'a str) -> Self {
        Self { server, name }
    }

    /// What this plugin says at a path below its own.
    ///
    /// # Errors
    /// If it has no answer, or one of another form; so for all questions.
    pub(super) fn plugin<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        read(path, &self.server.get(&self.path(path), &[])?)
    }

    /// What this plugin says of a tag of the run, asked with more.
    ///
    /// # Errors
    /// See [`plugin`](Self::plugin).
    pub(super) fn tag<T: DeserializeOwned>(&self, path: &str, tag: &str, more: &[(&str, &str)]) -> Result<T> {
        read(path, &self.text(path, &[&[("tag", tag)], more].concat())?)
    }

    /// The text that this plugin gives for the run, asked with more.
    ///
    /// # Errors
    /// See [`plugin`](Self::plugin).
    pub(super) fn text(&self, path: &str, more: &[(&str, &str)]) -> Result<String> {
        self.server.get(&self.path(path), &[&[("run", self.name)], more].concat())
    }

    /// The bytes that this plugin gives for the run, asked with more.
    ///
    /// # Errors
    /// See [`plugin`](Self::plugin).
    pub(super) fn bytes(&self, path: &str, more: &[(&str, &str)]) -> Result<Vec<u8>> {
        self.server.get_bytes(&self.path(path), &[&[("run", self.name)], more].concat())
    }

    /// The bytes at a query that this plugin gave itself.
    ///
    /// # Errors
    /// See [`plugin`](Self::plugin).
    pub(super) fn blob(&self, path: &str, query: &str) -> Result<Vec<u8>> {
        let quoted = Url::parse(&format!("http://127.0.0.1/?{query}")).context("the query of a blob")?;
        let pairs: Vec<(String, String)> = quoted.query_pairs().into_owned().collect();
        let pairs: Vec<(&str, &str)> =
            pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        self.server.get_bytes(&self.path(path), &pairs)
    }

    /// What this plugin answers to a posted question.
    ///
    /// # Errors
    /// See [`plugin`](Self::plugin).
    pub(super) fn post<T: DeserializeOwned>(&self, path: &str, question: &Value) -> Result<T> {
        read(path, &self.server.post(&self.path(path), &question.to_string())?)
    }

    fn path(&self, path: &str) -> String {
        format!("/data/plugin/{}/{path}", self.name)
    }
}

fn read<T: DeserializeOwned>(path: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).with_context(|| {
        let start: String = text.chars().take(200).collect();
        format!("{path} answers {start:?}")
    })
}

/// # Errors
/// If what was found is not what was expected.
pub(super) fn expect<T: PartialEq<U> + Debug, U: Debug>(what: &str, found: &T, expected: &U) -> Result<()> {
    ensure!(found == expected, "{what}: expected {}, found {}", shown(expected), shown(found));
    Ok(())
}

/// A number as the API writes it, in which some are words.
///
/// # Errors
/// If it is no number.
pub(super) fn number(value: &Value) -> Result<f64> {
    match value {
        Value::Number(number) => number.as_f64().with_context(|| format!("{number} is no f64")),
        Value::String(word) if word == "NaN" => Ok(f64::NAN),
        Value::String(word) if word == "Infinity" => Ok(f64::INFINITY),
        Value::String(word) if word == "-Infinity" => Ok(f64::NEG_INFINITY),
        other => bail!("expected a number, found {other}"),
    }
}

/// Not more of a value than fits on a line.
fn shown<T: Debug>(value: &T) -> String {
    const LONGEST: usize = 300;
    let text = format!("{value:?}");
    if text.chars().count() <= LONGEST {
        text
    } else {
        text.chars().take(LONGEST).chain("...".chars()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_that_are_words() {
        let check =
            |value: Value, expected: f64| assert_eq!(number(&value).unwrap().to_bits(), expected.to_bits());
        check(json!(0.1), 0.1);
        check(json!(-3), -3.0);
        check(json!("Infinity"), f64::INFINITY);
        check(json!("-Infinity"), f64::NEG_INFINITY);
        check(json!("NaN"), f64::NAN);
        assert!(number(&json!("nan")).is_err() && number(&json!(null)).is_err());
    }

    #[test]
    fn a_difference_is_told_in_short() {
        assert!(expect("steps", &[1, 2], &[1, 2]).is_ok());
        assert_eq!(expect("steps", &[1], &[2]).unwrap_err().to_string(), "steps: expected [2], found [1]");
        let long = expect("bytes", &vec![0u8; 1000], &[1u8]).unwrap_err().to_string();
        assert!(long.len() < 400 && long.ends_with("..."), "{long}");
    }
}
