//! One picture a layer and view: the histograms of its variables side by side; knows tags as Keras names them, no model.

use tensorboard::RunData;

use crate::Figure;
use crate::axes::{self, HEADING, MARGIN};
use crate::canvas::{Canvas, Frame, Point};
use crate::variable::{PanelStyle, Variable};
use crate::{distributions, overlay, ridgeline};

const WIDTH: u32 = 1100;
const PANEL_HEIGHT: u32 = 480;

/// Panels beside each other; a layer with more variables gets more rows.
const COLUMNS: usize = 2;

/// How the histograms of a layer are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerView {
    /// One behind the other, the newest in front: TensorBoard's offset mode.
    Histograms,
    /// Over each other on one axis: TensorBoard's overlay mode.
    Overlay,
    /// Bands between parts of the values over the epochs: TensorBoard's Distributions dashboard.
    Distributions,
}

impl LayerView {
    /// All of them.
    pub const ALL: [LayerView; 3] = [LayerView::Histograms, LayerView::Overlay, LayerView::Distributions];

    /// What the names of its files begin with.
    pub fn stem(self) -> &'static str {
        match self {
            LayerView::Histograms => "histograms",
            LayerView::Overlay => "overlay",
            LayerView::Distributions => "distributions",
        }
    }

    pub(crate) fn title(self, layer: &str) -> String {
        match self {
            LayerView::Histograms => format!("Histograms of {layer} over epochs"),
            LayerView::Overlay => format!("Histograms of {layer}, all epochs over each other"),
            LayerView::Distributions => format!("Distributions of {layer} over epochs"),
        }
    }

    /// Height of what stands once above all panels.
    fn key_height(self) -> f64 {
        match self {
            LayerView::Histograms | LayerView::Overlay => 0.0,
            LayerView::Distributions => distributions::KEY_HEIGHT,
        }
    }

    fn panel(self, canvas: &mut Canvas, panel: Frame, variable: &Variable<'_>) {
        match self {
            LayerView::Histograms => ridgeline::ridgeline(canvas, panel, variable, &PanelStyle::FULL),
            LayerView::Overlay => overlay::overlay(canvas, panel, variable),
            LayerView::Distributions => distributions::distributions(canvas, panel, variable),
        }
    }
}

/// Draws the histograms of every layer over the epochs, in the order in which the layers were written, which is
/// that of the network: layer name and picture, one panel a variable. `subtitle` says what was trained on what.
///
/// A tag is `<model>/<layer>/<variable>/histogram`; a layer may itself have slashes in its name.
pub fn layer_pictures(run: &RunData, view: LayerView, subtitle: &str) -> Vec<(String, Figure)> {
    layers(run).iter().map(|layer| (layer.name.to_owned(), layer.draw(view, subtitle))).collect()
}

/// The layers that have histograms, in the order in which they were written.
pub(crate) fn layers(run: &RunData) -> Vec<Layer<'_>> {
    let mut layers: Vec<Layer<'_>> = Vec::new();
    for tag in run.histogram_tags() {
        let Some(points) = run.histograms.get(tag) else { continue };
        let (name, variable) = layer_and_variable(tag);
        let steps = points.iter().map(|point| (point.step, &point.value)).collect();
        let variable = Variable { name: variable, steps };
        match layers.iter_mut().find(|layer| layer.name == name) {
            Some(layer) => layer.variables.push(variable),
            None => layers.push(Layer { name, variables: vec![variable] }),
        }
    }
    layers
}

/// A layer and the histograms of its variables.
pub(crate) struct Layer<'a> {
    pub(crate) name: &'a str,
    pub(crate) variables: Vec<Variable<'a>>,
}

impl Layer<'_> {
    pub(crate) fn draw(&self, view: LayerView, subtitle: &str) -> Figure {
        let columns = self.variables.len().min(COLUMNS);
        let rows = u32::try_from(self.variables.len().div_ceil(COLUMNS)).unwrap_or(u32::MAX);
        let above = HEADING + view.key_height();
        let height = PANEL_HEIGHT.saturating_mul(rows).saturating_add(above as u32 + 20);
        let mut canvas = Canvas::new(WIDTH, height);
        let room = f64::from(WIDTH) - 2.0 * MARGIN;
        axes::heading(&mut canvas, &view.title(self.name), room, subtitle, room);
        if view == LayerView::Distributions {
            distributions::key(&mut canvas, Point { x: MARGIN, y: HEADING + 8.0 });
        }

        let side = 14.0;
        let panel_width = (f64::from(WIDTH) - 2.0 * side) / columns as f64;
        for (index, variable) in self.variables.iter().enumerate() {
            let left = side + panel_width * (index % COLUMNS) as f64;
            let top = above + 14.0 + f64::from(PANEL_HEIGHT) * (index / COLUMNS) as f64;
            let panel = Frame { left, top, right: left + panel_width, bottom: top + f64::from(PANEL_HEIGHT) };
            view.panel(&mut canvas, panel, variable);
        }
        canvas.finish()
    }
}

/// `sequential/conv2d/kernel/histogram` is layer `conv2d`, variable `kernel`.
pub fn layer_and_variable(tag: &str) -> (&str, &str) {
    let path = tag.strip_suffix("/histogram").unwrap_or(tag);
    let Some((front, variable)) = path.rsplit_once('/') else { return (path, path) };
    let layer = front.split_once('/').map_or(front, |(_model, layer)| layer);
    (layer, variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_name_layer_and_variable() {
        for (tag, expected) in [
            ("sequential/conv2d/kernel/histogram", ("conv2d", "kernel")),
            ("sequential/batch_normalization/moving_mean/histogram", ("batch_normalization", "moving_mean")),
            ("resnet/block1/conv/kernel/histogram", ("block1/conv", "kernel")),
            ("dense/kernel/histogram", ("dense", "kernel")),
            ("gradients/histogram", ("gradients", "gradients")),
            ("other", ("other", "other")),
            ("", ("", "")),
        ] {
            assert_eq!(layer_and_variable(tag), expected, "{tag}");
        }
    }
}
