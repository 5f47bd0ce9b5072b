//! The tabs of TensorBoard, and how each is opened and seen to be drawn; knows nothing of browsers.

/// The width of every page.
pub(super) const WIDTH: u32 = 1400;

/// One tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tab {
    /// Names its screenshot and its function in `drawn.js`.
    pub(super) name: &'static str,
    /// What TensorBoard calls it.
    pub(super) plugin: &'static str,
    /// What comes between the server's address and the tab: settings that are not in the browser's storage.
    query: &'static str,
    /// What comes after the tab.
    fragment: &'static str,
    /// The plugin whose runs are chosen, so that the others do not fill the list at the left.
    pub(super) runs_of: Option<&'static str>,
    /// Of the page: a tall one where cards are drawn only when they are in view.
    pub(super) height: u32,
}

impl Tab {
    /// The address of the tab at a server that is at `base`, which ends in a slash, with these runs chosen; with
    /// none, those that TensorBoard chooses.
    pub(super) fn address(&self, base: &str, runs: &[String]) -> String {
        let mut address = format!("{base}{}#{}{}", self.query, self.plugin, self.fragment);
        if !runs.is_empty() {
            let names: Vec<String> = runs.iter().map(|run| in_pattern(run)).collect();
            address += &format!("&regexInput=^({})$", names.join("|"));
        }
        address
    }

    /// The expression that is true when it is drawn.
    pub(super) fn ready(&self) -> String {
        format!("drawn.{}()", self.name)
    }
}

/// A run's name as a part of a regular expression that is a part of an address.
fn in_pattern(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_/".contains(c);
    // A dot takes the place of what may have a meaning, there or here.
    name.chars().map(|c| if plain(c) { c } else { '.' }).collect()
}

const fn tab(name: &'static str, height: u32) -> Tab {
    Tab { name, plugin: name, query: "", fragment: "", runs_of: None, height }
}

/// A tab with a list of runs to choose from.
const fn with_runs(name: &'static str, height: u32) -> Tab {
    Tab { runs_of: Some(name), ..tab(name, height) }
}

/// All tabs for which this library writes something.
pub(super) const TABS: [Tab; 14] = [
    Tab { query: "?smoothing=0&forceSVG=true&darkMode=false", ..tab("timeseries", 2400) },
    Tab { fragment: "&_smoothingWeight=0", ..with_runs("scalars", 1000) },
    with_runs("histograms", 700),
    with_runs("distributions", 700),
    with_runs("images", 1000),
    with_runs("text", 1000),
    Tab { plugin: "graphs", ..tab("op_graph", 900) },
    Tab { plugin: "graphs", ..tab("conceptual_graph", 900) },
    tab("hparams", 900),
    with_runs("pr_curves", 1000),
    Tab { fragment: "&_smoothingWeight=0", runs_of: Some("scalars"), ..tab("custom_scalars", 700) },
    with_runs("audio", 700),
    with_runs("mesh", 1350),
    tab("projector", 1000),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensorboard::pages::DRAWN;

    #[test]
    fn every_tab_has_its_function() {
        for tab in TABS {
            assert!(DRAWN.contains(&format!("    {}: ", tab.name)), "{}", tab.name);
        }
    }

    #[test]
    fn addresses_of_tabs() {
        let check = |name: &str, runs: &[&str], expected: &str| {
            let tab = TABS.into_iter().find(|tab| tab.name == name).unwrap();
            let runs: Vec<String> = runs.iter().map(ToString::to_string).collect();
            assert_eq!(
                tab.address("http://127.0.0.1:6006/", &runs),
                format!("http://127.0.0.1:6006/{expected}")
            );
        };
        check("op_graph", &[], "#graphs");
        check("timeseries", &[], "?smoothing=0&forceSVG=true&darkMode=false#timeseries");
        check("scalars", &["a/b"], "#scalars&_smoothingWeight=0&regexInput=^(a/b)$");
        check("images", &["run 1", "2&(3)", "."], "#images&regexInput=^(run.1|2..3.|.)$");
    }
}
