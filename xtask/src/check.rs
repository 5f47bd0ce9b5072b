//! Checks and how they are reported; knows nothing of what is checked.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};

use anyhow::{Result, ensure};

/// One check that was made, or could not be made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// What was found to be so, or not.
    name: String,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    /// With what was expected and what was found.
    Failed(String),
    /// With what is missing on this machine.
    Skipped(String),
}

impl Check {
    /// A check that passed, or failed for a reason: what was expected and what was found.
    pub(crate) fn new(name: impl Into<String>, result: Result<(), String>) -> Self {
        let outcome = result.map_or_else(Outcome::Failed, |()| Outcome::Passed);
        Self { name: name.into(), outcome }
    }

    /// A check that this machine lacks something for.
    pub(crate) fn skipped(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { name: name.into(), outcome: Outcome::Skipped(why.into()) }
    }

    /// For the tests of checks.
    #[cfg(test)]
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }

    /// The check as one line.
    pub(crate) fn line(&self) -> String {
        let line = match &self.outcome {
            Outcome::Passed => format!("ok   {}", self.name),
            Outcome::Failed(why) => format!("FAIL {}: {why}", self.name),
            Outcome::Skipped(why) => format!("skip {}: {why}", self.name),
        };
        line.replace(['\r', '\n'], " ")
    }
}

/// Prints checks as they come and counts them.
#[derive(Debug, Default)]
pub(crate) struct Report {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Report {
    /// Prints and counts some checks.
    pub(crate) fn add(&mut self, checks: &[Check]) {
        for check in checks {
            match check.outcome {
                Outcome::Passed => self.passed += 1,
                Outcome::Failed(_) => self.failed += 1,
                Outcome::Skipped(_) => self.skipped += 1,
            }
            print(&check.line());
        }
    }

    /// Prints how many checks passed and failed.
    ///
    /// # Errors
    /// If one failed: with what that means.
    pub(crate) fn finish(self, meaning: &str) -> Result<()> {
        print(&self.summary());
        ensure!(self.failed == 0, "{meaning}: see FAIL above");
        Ok(())
    }

    fn summary(&self) -> String {
        let mut summary = format!("{} passed, {} failed", self.passed, self.failed);
        if self.skipped > 0 {
            summary += &format!(", {} skipped", self.skipped);
        }
        summary
    }
}

/// Tells the first entry in which two maps differ, and how many do.
///
/// # Errors
/// If an entry is missing, unexpected, or has another value.
pub(crate) fn same<K, V>(expected: &BTreeMap<K, V>, found: &BTreeMap<K, V>) -> Result<(), String>
where
    K: Ord + Display,
    V: PartialEq + Debug,
{
    let wrong = expected.iter().filter_map(|(place, value)| match found.get(place) {
        Some(other) if other == value => None,
        Some(other) => Some(format!("{place}: expected {value:?}, found {other:?}")),
        None => Some(format!("{place}: expected {value:?}, found nothing")),
    });
    let unexpected = found.iter().filter(|(place, _)| !expected.contains_key(place));
    let unexpected = unexpected.map(|(place, value)| format!("{place}: expected nothing, found {value:?}"));
    let differences: Vec<String> = wrong.chain(unexpected).collect();
    match differences.as_slice() {
        [] => Ok(()),
        [only] => Err(only.clone()),
        [first, rest @ ..] => Err(format!("{first} (and {} more differences)", rest.len())),
    }
}

#[expect(clippy::print_stdout, reason = "the lines of the checks are what this command is for")]
fn print(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_check() {
        let check = |check: Check, line| assert_eq!(check.line(), line);
        check(Check::new("10 tags", Ok(())), "ok   10 tags");
        check(
            Check::new("10 tags", Err("expected 10,\nfound 9".into())),
            "FAIL 10 tags: expected 10, found 9",
        );
        check(Check::skipped("md5sum", "it is not there"), "skip md5sum: it is not there");
    }

    #[test]
    fn the_report_fails_with_one_check() {
        let report = |failed, skipped| Report { passed: 2, failed, skipped };
        assert_eq!(report(0, 0).summary(), "2 passed, 0 failed");
        assert_eq!(report(1, 3).summary(), "2 passed, 1 failed, 3 skipped");
        assert!(report(0, 3).finish("bad").is_ok());
        assert!(report(1, 0).finish("bad").is_err());
    }

    #[test]
    fn differences_of_maps() {
        let check = |expected: &[(&str, u8)], found: &[(&str, u8)], difference: Result<(), &str>| {
            let map = |entries: &[(&str, u8)]| {
                entries.iter().map(|&(key, value)| (key.to_owned(), value)).collect::<BTreeMap<_, _>>()
            };
            assert_eq!(same(&map(expected), &map(found)), difference.map_err(str::to_owned));
        };
        check(&[], &[], Ok(()));
        check(&[("a", 1), ("b", 2)], &[("b", 2), ("a", 1)], Ok(()));
        check(&[("a", 1)], &[("a", 2)], Err("a: expected 1, found 2"));
        check(&[("a", 1)], &[], Err("a: expected 1, found nothing"));
        check(&[], &[("a", 1)], Err("a: expected nothing, found 1"));
        check(&[("a", 1)], &[("b", 1)], Err("a: expected 1, found nothing (and 1 more differences)"));
    }
}
