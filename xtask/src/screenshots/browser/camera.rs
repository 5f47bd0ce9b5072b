//! Opens TensorBoard's pages, makes them ready and takes pictures of their cards; knows nothing of event files.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::addresses;
use super::contents::{Curve, Layer, TRAIN};
use super::loaded::Loaded;
use crate::browser::{Browser, Page, Rectangle};
use crate::tensorboard::pages::{DRAWN, SETTINGS};

/// Defines `shots`.
const SHOTS: &str = include_str!("shots.js");

/// The plugins that show histograms.
const HISTOGRAMS: &str = "histograms";
const DISTRIBUTIONS: &str = "distributions";

/// How long a page may take to draw.
const DRAWING: Duration = Duration::from_secs(40);

/// Pixels of a picture for each CSS pixel in both directions: text of 10 CSS pixels is easily read.
const SCALE: f64 = 1.5;
/// The size of the window for a curve, whose card is as wide as the window allows.
const CURVE: (u32, u32) = (1100, 800);
/// Of a window in which a row of two expanded cards of 700 by 500 has room, beside and below all that is not of them.
const COLUMNS: usize = 2;
const LAYER_WIDTH: u32 = 1840;
const LAYER_TOP: u32 = 220;
const ROW: u32 = 515;
/// The window for a graph: wide enough for what is beside it, and so high for each of its nodes.
const GRAPH_WIDTH: u32 = 1000;
const GRAPH_HEIGHT: u32 = 500;
const GRAPH_TOP: u32 = 220;
const NODE: u32 = 70;

/// A file's name and its bytes.
type File = (String, Vec<u8>);

/// A browser before the pages of one TensorBoard.
#[derive(Debug)]
pub(super) struct Camera<'a> {
    browser: &'a mut Browser,
    /// TensorBoard's address, which ends in a slash.
    base: &'a str,
}

impl<'a> Camera<'a> {
    pub(super) fn new(browser: &'a mut Browser, base: &'a str) -> Self {
        Self { browser, base }
    }

    /// A picture of each curve.
    pub(super) fn curves(&mut self, curves: &[Curve]) -> Result<Vec<File>> {
        curves.iter().map(|curve| self.curve(curve).with_context(|| curve.tag.to_owned())).collect()
    }

    fn curve(&mut self, curve: &Curve) -> Result<File> {
        tracing::info!("taking a picture of {}", curve.tag);
        let runs: Vec<&str> = curve.runs.iter().map(|(run, _)| *run).collect();
        let points: usize = curve.runs.iter().map(|(_, steps)| steps.len()).sum();
        let mut page = self.open(&addresses::curve(self.base, curve.tag, &runs), CURVE)?;
        page.wait_for(&format!("shots.curve({}, {}, {points})", json!(curve.tag), json!(runs)), DRAWING)?;
        file(&mut page, curve.stem, "shots.curveClip()")
    }

    /// Three pictures of each layer.
    pub(super) fn layers(&mut self, layers: &[Layer], loaded: &Loaded) -> Result<Vec<File>> {
        let rows = layers.iter().map(|layer| layer.tags.len().div_ceil(COLUMNS)).max().unwrap_or_default();
        let size = (LAYER_WIDTH, LAYER_TOP + ROW * u32::try_from(rows).unwrap_or(1));
        let mut files = Vec::new();
        let Some(first) = layers.first() else { return Ok(files) };
        let mut page = self.open(&addresses::tags(self.base, HISTOGRAMS, TRAIN, &pattern(first)), size)?;
        for layer in layers {
            tracing::info!("taking pictures of the histograms of {}", layer.name);
            for mode in ["offset", "overlay"] {
                let picture = of_layer(&mut page, HISTOGRAMS, Some(mode), layer, &loaded.histograms);
                files.push(picture.with_context(|| format!("histograms of {}", layer.name))?);
            }
        }
        page = self.open(&addresses::tags(self.base, DISTRIBUTIONS, TRAIN, &pattern(first)), size)?;
        for layer in layers {
            tracing::info!("taking a picture of the distributions of {}", layer.name);
            let picture = of_layer(&mut page, DISTRIBUTIONS, None, layer, &loaded.distributions);
            files.push(picture.with_context(|| format!("distributions of {}", layer.name))?);
        }
        Ok(files)
    }

    /// A picture of the graph of layers.
    pub(super) fn graph(&mut self) -> Result<File> {
        tracing::info!("taking a picture of the graph of layers");
        let mut page = self.open(&addresses::graph(self.base), (GRAPH_WIDTH, GRAPH_HEIGHT))?;
        page.wait_for("shots.graph()", DRAWING)?;
        let nodes = page.eval("shots.nodes()")?.as_u64().context("the page counts no nodes")?;
        let height = GRAPH_TOP + NODE * u32::try_from(nodes).unwrap_or(1);
        page.resize(GRAPH_WIDTH, height.max(GRAPH_HEIGHT), SCALE)?;
        page.eval("shots.fit()")?;
        page.wait_for("shots.graph()", DRAWING)?;
        file(&mut page, "graph", "shots.graphClip()")
    }

    /// Opens a page in a window of this size.
    fn open(&mut self, address: &str, (width, height): (u32, u32)) -> Result<Page> {
        let mut page = self.browser.page(width, height)?;
        page.resize(width, height, SCALE)?;
        page.local_storage(&SETTINGS)?;
        page.before_load(DRAWN)?;
        page.before_load(SHOTS)?;
        page.open(address)?;
        Ok(page)
    }
}

/// Has a page show just a layer, and takes a picture of its cards.
fn of_layer(
    page: &mut Page,
    plugin: &str,
    mode: Option<&str>,
    layer: &Layer,
    steps: &BTreeMap<String, usize>,
) -> Result<File> {
    let of_tag = |(tag, _): &(String, Vec<i64>)| (tag.clone(), json!(steps.get(tag)));
    let steps: serde_json::Map<_, _> = layer.tags.iter().map(of_tag).collect();
    let (plugin_name, mode_name) = (json!(plugin), json!(mode));
    page.wait_for(&format!("shots.show({plugin_name}, {}, {mode_name})", json!(pattern(layer))), DRAWING)?;
    page.wait_for(&format!("shots.layer({plugin_name}, {}, {mode_name})", json!(steps)), DRAWING)?;
    let mode = mode.map(|mode| format!("-{mode}")).unwrap_or_default();
    file(page, &format!("{plugin}-{}{mode}", layer.stem), &format!("shots.layerClip({plugin_name})"))
}

/// The picture of what lies where an expression says.
fn file(page: &mut Page, stem: &str, clip: &str) -> Result<File> {
    let clip: Rectangle = serde_json::from_value(page.eval(clip)?)
        .with_context(|| format!("the place of {stem} on the page"))?;
    Ok((format!("{stem}.png"), page.picture(Some(clip))?))
}

/// For the tags of a layer.
fn pattern(layer: &Layer) -> String {
    addresses::any_of(&layer.tags.iter().map(|(tag, _)| tag.as_str()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_has_what_is_asked_for() {
        for name in ["curve", "curveClip", "show", "layer", "layerClip", "graph", "nodes", "fit", "graphClip"]
        {
            assert!(SHOTS.contains(&format!("\n    {name}: ")), "{name}");
        }
    }

    #[test]
    fn a_layer_is_found_by_its_tags_alone() {
        let tags = ["m/a.b/kernel/histogram", "m/a.b/bias/histogram"].map(|tag| (tag.to_owned(), vec![0]));
        let layer = Layer { name: "a.b".to_owned(), stem: "a.b".to_owned(), tags: tags.to_vec() };
        assert_eq!(pattern(&layer), r"^(m\/a\.b\/kernel\/histogram|m\/a\.b\/bias\/histogram)$");
    }
}
