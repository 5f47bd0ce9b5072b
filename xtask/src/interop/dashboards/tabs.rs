//! The tabs of TensorBoard, and how each is opened and seen to be drawn; knows nothing of browsers.

/// Settings that TensorBoard's pages keep in the browser: curves as they are, all points in view, nothing that
/// redraws by itself.
pub(super) const SETTINGS: [(&str, &str); 3] = [
    (
        "_tb_global_settings",
        r#"{"scalarSmoothing":0,"ignoreOutliers":false,"timeSeriesSettingsPaneOpened":false,"stepSelectorEnabled":false,"paginationSize":50,"autoReload":false,"theme":"light"}"#,
    ),
    ("_ignoreYOutliers", "false"),
    ("TF.TensorBoard.PaginatedView.limit", "50"),
];

/// Defines `drawn`, with a function for each tab's name.
pub(super) const DRAWN: &str = include_str!("drawn.js");

/// The width of every page.
pub(super) const WIDTH: u32 = 1400;

/// One tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tab {
    /// Names its screenshot and its function in `drawn.js`.
    pub(super) name: &'static str,
    /// What TensorBoard calls it.
    pub(super) plugin: &'static str,
    /// What comes between the server's address and the tab: settings that are not in [`SETTINGS`].
    query: &'static str,
    /// What comes after the tab.
    fragment: &'static str,
    /// Of the page: a tall one where cards are drawn only when they are in view.
    pub(super) height: u32,
}

impl Tab {
    /// The address of the tab at a server that is at `base`, which ends in a slash.
    pub(super) fn address(&self, base: &str) -> String {
        format!("{base}{}#{}{}", self.query, self.plugin, self.fragment)
    }

    /// The expression that is true when it is drawn.
    pub(super) fn ready(&self) -> String {
        format!("drawn.{}()", self.name)
    }
}

const fn tab(name: &'static str, height: u32) -> Tab {
    Tab { name, plugin: name, query: "", fragment: "", height }
}

/// All tabs for which this library writes something.
pub(super) const TABS: [Tab; 14] = [
    Tab { query: "?smoothing=0&forceSVG=true&darkMode=false", ..tab("timeseries", 1600) },
    Tab { fragment: "&_smoothingWeight=0", ..tab("scalars", 1000) },
    tab("histograms", 1000),
    tab("distributions", 1000),
    tab("images", 1000),
    tab("text", 1000),
    Tab { plugin: "graphs", ..tab("op_graph", 1000) },
    Tab { plugin: "graphs", ..tab("conceptual_graph", 1000) },
    tab("hparams", 800),
    tab("pr_curves", 800),
    Tab { fragment: "&_smoothingWeight=0", ..tab("custom_scalars", 800) },
    tab("audio", 800),
    tab("mesh", 1000),
    tab("projector", 1000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tab_has_its_function() {
        for tab in TABS {
            assert!(DRAWN.contains(&format!("    {}: ", tab.name)), "{}", tab.name);
        }
    }

    #[test]
    fn addresses_of_tabs() {
        let check = |name: &str, expected: &str| {
            let tab = TABS.into_iter().find(|tab| tab.name == name).unwrap();
            assert_eq!(tab.address("http://127.0.0.1:6006/"), format!("http://127.0.0.1:6006/{expected}"));
        };
        check("scalars", "#scalars&_smoothingWeight=0");
        check("op_graph", "#graphs");
        check("timeseries", "?smoothing=0&forceSVG=true&darkMode=false#timeseries");
    }
}
