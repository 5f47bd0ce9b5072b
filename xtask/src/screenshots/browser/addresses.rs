//! The addresses of TensorBoard's pages that show one part of a run; knows nothing of browsers.

/// The Time Series tab of a server at `base`, which ends in a slash, with one tag of some runs.
pub(super) fn curve(base: &str, tag: &str, runs: &[&str]) -> String {
    let (tags, runs) = (encoded(&any_of(&[tag])), encoded(&any_of(runs)));
    format!("{base}?smoothing=0&forceSVG=true&darkMode=false&runFilter={runs}&tagFilter={tags}#timeseries")
}

/// A tab with a pane for the tags that match a pattern, which comes first.
pub(super) fn tags(base: &str, plugin: &str, run: &str, pattern: &str) -> String {
    format!("{base}#{plugin}&regexInput={}&tagFilter={}", encoded(&any_of(&[run])), encoded(pattern))
}

/// The tab of graphs.
pub(super) fn graph(base: &str) -> String {
    format!("{base}#graphs")
}

/// A JavaScript pattern for just these texts.
pub(super) fn any_of(texts: &[&str]) -> String {
    let literal = |text: &&str| -> String {
        let plain = |c: char| c.is_alphanumeric() || c == '_' || !c.is_ascii();
        text.chars().flat_map(|c| (!plain(c)).then_some('\\').into_iter().chain([c])).collect()
    };
    format!("^({})$", texts.iter().map(literal).collect::<Vec<_>>().join("|"))
}

/// As a part of an address.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_literally() {
        let check = |texts: &[&str], expected| assert_eq!(any_of(texts), expected, "{texts:?}");
        check(&["epoch_loss"], "^(epoch_loss)$");
        check(&["train", "validation"], "^(train|validation)$");
        check(&["m/a.b(1)/kernel", "ä|\\"], r"^(m\/a\.b\(1\)\/kernel|ä\|\\)$");
    }

    #[test]
    fn addresses_name_tags_and_runs() {
        let base = "http://127.0.0.1:6006/";
        assert_eq!(
            curve(base, "epoch_loss", &["train", "validation"]),
            "http://127.0.0.1:6006/?smoothing=0&forceSVG=true&darkMode=false&runFilter=%5E%28train%7Cvalidation%29%24\
             &tagFilter=%5E%28epoch_loss%29%24#timeseries"
        );
        assert_eq!(
            tags(base, "histograms", "train", &any_of(&["a b/ü"])),
            "http://127.0.0.1:6006/#histograms&regexInput=%5E%28train%29%24&tagFilter=%5E%28a%5C%20b%5C%2F%C3%BC%29%24"
        );
        assert_eq!(graph(base), "http://127.0.0.1:6006/#graphs");
    }
}
