//! One picture a layer: the histograms of its variables side by side; knows tags as Keras names them, no model.

use tensorboard::RunData;

use crate::Figure;
use crate::axes::{self, HEADING, MARGIN};
use crate::canvas::{Canvas, Frame};
use crate::ridgeline::{self, Variable};

const WIDTH: u32 = 1100;
const PANEL_HEIGHT: u32 = 480;

/// Panels beside each other; a layer with more variables gets more rows.
const COLUMNS: usize = 2;

/// Draws the histograms of every layer over the epochs, in the order in which the layers were written, which is
/// that of the network: layer name and picture, one panel a variable. `subtitle` says what was trained on what.
///
/// A tag is `<model>/<layer>/<variable>/histogram`; a layer may itself have slashes in its name.
pub fn layer_histograms(run: &RunData, subtitle: &str) -> Vec<(String, Figure)> {
    layers(run).iter().map(|layer| (layer.name.to_owned(), layer.draw(subtitle))).collect()
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
    pub(crate) fn draw(&self, subtitle: &str) -> Figure {
        let columns = self.variables.len().min(COLUMNS);
        let rows = u32::try_from(self.variables.len().div_ceil(COLUMNS)).unwrap_or(u32::MAX);
        let height = PANEL_HEIGHT.saturating_mul(rows).saturating_add(HEADING as u32 + 20);
        let mut canvas = Canvas::new(WIDTH, height);
        let room = f64::from(WIDTH) - 2.0 * MARGIN;
        let title = format!("Histograms of {} over epochs", self.name);
        axes::heading(&mut canvas, &title, room, subtitle, room);

        let side = 14.0;
        let panel_width = (f64::from(WIDTH) - 2.0 * side) / columns as f64;
        for (index, variable) in self.variables.iter().enumerate() {
            let left = side + panel_width * (index % COLUMNS) as f64;
            let top = HEADING + 14.0 + f64::from(PANEL_HEIGHT) * (index / COLUMNS) as f64;
            let panel = Frame { left, top, right: left + panel_width, bottom: top + f64::from(PANEL_HEIGHT) };
            ridgeline::ridgeline(&mut canvas, panel, variable);
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
