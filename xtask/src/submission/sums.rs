//! `SHA256SUMS`: every other file of a submission, as `sha256sum` prints it; knows nothing of what they are.

use std::collections::{BTreeMap, BTreeSet};

use super::archive::Entry;
use crate::hash::sha256;

/// Its name in the archive.
pub(crate) const FILE: &str = "SHA256SUMS";

/// The file for these entries; `sha256sum -c SHA256SUMS` accepts it.
pub(crate) fn entry(entries: &[Entry]) -> Entry {
    let sums: BTreeMap<&str, String> =
        entries.iter().map(|entry| (entry.name.as_str(), sha256(&entry.content))).collect();
    let lines: String = sums.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
    Entry::new(FILE, lines.into_bytes())
}

/// How many files are as the text of the file says, and that there are no others.
///
/// # Errors
/// The files that are not: changed, missing, or not listed.
pub(crate) fn check(text: &str, found: &BTreeMap<String, String>) -> Result<usize, String> {
    let listed: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.split_once("  ")).map(|(sum, name)| (name, sum)).collect();
    let names: BTreeSet<&str> = listed.keys().copied().chain(found.keys().map(String::as_str)).collect();
    let wrong: Vec<String> = names
        .into_iter()
        .filter(|name| *name != FILE)
        .filter_map(|name| match (listed.get(name), found.get(name)) {
            (Some(sum), Some(other)) if sum == other => None,
            (Some(_), Some(_)) => Some(format!("{name} is another file")),
            (Some(_), None) => Some(format!("{name} is missing")),
            (None, _) => Some(format!("{name} is not listed")),
        })
        .collect();
    match wrong.as_slice() {
        [] => Ok(listed.len()),
        [first, rest @ ..] if rest.len() > 3 => Err(format!("{first}, and {} more such", rest.len())),
        some => Err(some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_as_listed_is_told() {
        let listed = |names: &[(&str, &str)]| {
            let entries: Vec<Entry> =
                names.iter().map(|(name, content)| Entry::new(name, content.as_bytes().to_vec())).collect();
            String::from_utf8(entry(&entries).content).unwrap()
        };
        let found = |names: &[(&str, &str)]| -> BTreeMap<String, String> {
            names.iter().map(|(name, content)| ((*name).to_owned(), sha256(content.as_bytes()))).collect()
        };
        let check = |text: &str, files: &[(&str, &str)], expected: Result<usize, &str>| {
            assert_eq!(check(text, &found(files)), expected.map_err(str::to_owned), "{files:?}");
        };
        let text = listed(&[("b/c", "2"), ("a", "1")]);
        assert!(text.starts_with(&format!("{}  a\n", sha256(b"1"))), "{text}");
        check(&text, &[("a", "1"), ("b/c", "2"), (FILE, "x")], Ok(2));
        check(&text, &[("a", "1"), ("b/c", "3")], Err("b/c is another file"));
        check(&text, &[("b/c", "2")], Err("a is missing"));
        check(&text, &[("a", "1"), ("b/c", "2"), ("d", "")], Err("d is not listed"));
        check("", &[], Ok(0));
    }
}
