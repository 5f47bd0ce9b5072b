//! How TensorBoard's pages are set up, and seen to be drawn; knows nothing of browsers.

/// Settings that TensorBoard's pages keep in the browser: curves as they are, all points in view, nothing that
/// redraws by itself.
pub(crate) const SETTINGS: [(&str, &str); 3] = [
    (
        "_tb_global_settings",
        r#"{"scalarSmoothing":0,"ignoreOutliers":false,"timeSeriesSettingsPaneOpened":false,"stepSelectorEnabled":false,"paginationSize":50,"autoReload":false,"theme":"light"}"#,
    ),
    ("_ignoreYOutliers", "false"),
    ("TF.TensorBoard.PaginatedView.limit", "50"),
];

/// A script that defines `drawn`, with a function for each tab: it is true when the tab is drawn.
pub(crate) const DRAWN: &str = include_str!("drawn.js");
