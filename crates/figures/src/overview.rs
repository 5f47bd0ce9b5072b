//! A run on one page, to be read at one look: its curves, its confusion and the histograms of all layers; knows
//! nothing of where they are read.

use tensorboard::RunData;

use crate::axes::{self, HEADING, MARGIN};
use crate::canvas::{Anchor, Canvas, Frame, Line, Point, Type};
use crate::confusion::{self, Confusion};
use crate::curves::Pair;
use crate::layers::{Layer, layers};
use crate::palette::{FAINT_INK, GRID};
use crate::ridgeline;
use crate::run::RunCaption;
use crate::variable::{PanelStyle, Variable};
use crate::{Curve, Error, Figure, Metric};

const WIDTH: u32 = 1600;
/// Between what stands side by side.
const GAP: f64 = 30.0;
/// Height of the curves and the confusion, with their titles.
const TOP_ROW: f64 = 540.0;
/// With more classes than this, a confusion has no counts at this size, and is not drawn.
const MOST_CLASSES: usize = 20;

/// Layers side by side, variables of a layer, and the size of one of them.
const LAYERS: usize = 3;
const VARIABLES: usize = 2;
const PANEL_HEIGHT: f64 = 190.0;
/// Height of a layer's name.
const NAME_HEIGHT: f64 = 30.0;
const ROW: f64 = NAME_HEIGHT + PANEL_HEIGHT + 14.0;
/// More rows of layers than this would make a page that is longer than a PNG can be at double size.
const MOST_ROWS: usize = 30;

const SECTION: Type = Type::bold(18.0);
const NAME: Type = Type::bold(16.0);
const REMARK: Type = Type::regular(14.0).coloured(FAINT_INK);

/// Draws a run: accuracy and loss with the best epoch marked, the confusion where it is known and of few classes,
/// and below the histograms of kernel and bias of each layer, oldest epoch at the back.
///
/// # Errors
/// [`Error::Counts`] if the confusion has not one count for each pair of classes.
pub(crate) fn overview(
    train: &RunData,
    validation: &RunData,
    caption: &RunCaption<'_>,
) -> Result<Figure, Error> {
    let confusion = caption.confusion;
    confusion.map_or(Ok(()), Confusion::check)?;
    let layers = layers(train);
    let drawn = &layers[..layers.len().min(MOST_ROWS * LAYERS)];
    let rows = drawn.len().div_ceil(LAYERS);
    let layers_top = HEADING + TOP_ROW;
    // A heading above the layers, and a remark below where some are left out.
    let height = layers_top
        + if rows > 0 { 44.0 + ROW * rows as f64 } else { 0.0 }
        + if drawn.len() < layers.len() { 30.0 } else { 0.0 }
        + 10.0;

    let mut canvas = Canvas::new(WIDTH, height.ceil() as u32);
    let room = f64::from(WIDTH) - 2.0 * MARGIN;
    axes::heading(&mut canvas, "Overview of the run", room, caption.subtitle, room);

    let confusion = confusion.filter(|confusion| (1..=MOST_CLASSES).contains(&confusion.classes.len()));
    let columns = if confusion.is_some() { 3 } else { 2 };
    for (index, metric) in [Metric::Accuracy, Metric::Loss].into_iter().enumerate() {
        let area = column(index, columns, HEADING, TOP_ROW);
        let (training, validation) = (Curve::of(train, metric), Curve::of(validation, metric));
        curves(&mut canvas, area, &Pair { metric, training: &training, validation: &validation });
    }
    if let Some(confusion) = confusion {
        let area = column(2, columns, HEADING, TOP_ROW);
        section(&mut canvas, area, "Confusion on the test pictures");
        let below = Frame { top: area.top + 40.0, ..area };
        confusion::small_matrix(&mut canvas, below, confusion);
    }

    if rows > 0 {
        let at = Frame { left: MARGIN, top: layers_top, right: MARGIN + room, bottom: layers_top + 44.0 };
        let title = "Weights of the layers over the epochs";
        section(&mut canvas, at, title);
        let beside = Point { x: MARGIN + SECTION.width(title) + 16.0, y: layers_top + 26.0 };
        let how = "a curve an epoch: the first at the back, the last in front";
        canvas.text(beside, Anchor::Start, REMARK, how);
    }
    for (index, layer) in drawn.iter().enumerate() {
        let top = layers_top + 44.0 + ROW * (index / LAYERS) as f64;
        block(&mut canvas, column(index % LAYERS, LAYERS, top, ROW), layer);
    }
    if drawn.len() < layers.len() {
        let text = format!("{} more layers have pictures of their own", layers.len() - drawn.len());
        let at = Point { x: MARGIN, y: height - 20.0 };
        canvas.text(at, Anchor::Start, REMARK, &text);
    }
    Ok(canvas.finish())
}

/// One of so many equal columns.
fn column(index: usize, columns: usize, top: f64, height: f64) -> Frame {
    let room = f64::from(WIDTH) - 2.0 * MARGIN + GAP;
    let width = room / columns as f64;
    let left = MARGIN + width * index as f64;
    Frame { left, top, right: left + width - GAP, bottom: top + height }
}

fn section(canvas: &mut Canvas, area: Frame, title: &str) {
    let title = SECTION.fitted(title, area.right - area.left);
    canvas.text(Point { x: area.left, y: area.top + 26.0 }, Anchor::Start, SECTION, &title);
}

/// A metric: its name, the legend, and below the curves.
fn curves(canvas: &mut Canvas, area: Frame, pair: &Pair<'_>) {
    section(canvas, area, pair.metric.title());
    pair.legend(canvas, Point { x: area.right, y: area.top + 54.0 });
    pair.plot(canvas, Frame { top: area.top + 62.0, bottom: area.bottom - 10.0, ..area });
}

/// A layer: its name, and the most telling of its variables side by side.
fn block(canvas: &mut Canvas, area: Frame, layer: &Layer<'_>) {
    let Frame { left, top, right, .. } = area;
    let line = [Point { x: left, y: top }, Point { x: right, y: top }];
    canvas.polyline(&line, Line::Solid, 1.0, GRID);
    let shown = telling(&layer.variables);
    let left_out = layer.variables.len() - shown.len();
    let remark = if left_out > 0 { format!("and {left_out} more") } else { String::new() };
    let remark_width = REMARK.width(&remark);
    let name = NAME.fitted_inside(layer.name, right - left - remark_width - 24.0);
    let baseline = top + 23.0;
    canvas.text(Point { x: left + 10.0, y: baseline }, Anchor::Start, NAME, &name);
    if left_out > 0 {
        canvas.text(Point { x: right, y: baseline }, Anchor::End, REMARK, &remark);
    }
    let width = (right - left) / shown.len().max(1) as f64;
    for (index, variable) in shown.into_iter().enumerate() {
        let left = left + width * index as f64;
        let top = top + NAME_HEIGHT;
        let panel = Frame { left, top, right: left + width, bottom: top + PANEL_HEIGHT };
        ridgeline::ridgeline(canvas, panel, variable, &PanelStyle::SMALL);
    }
}

/// Kernel and bias, and the first others where there is no such.
fn telling<'a, 'b>(variables: &'b [Variable<'a>]) -> Vec<&'b Variable<'a>> {
    let rank = |variable: &&Variable<'_>| match variable.name {
        "kernel" => 0,
        "bias" => 1,
        _ => 2,
    };
    let mut shown: Vec<_> = variables.iter().collect();
    shown.sort_by_key(rank);
    shown.truncate(VARIABLES);
    shown
}

#[cfg(test)]
mod tests {
    use tensorboard::{Run, Step, Writer};

    use super::*;
    use crate::run::tests::assert_drawable;

    /// A run of so many layers with these variables.
    fn run(layers: usize, variables: &[&str]) -> RunData {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(dir.path()).unwrap();
        for layer in 0..layers {
            for variable in variables {
                let tag = format!("m/layer_{layer:03}/{variable}/histogram");
                writer.histogram(tag, Step(0), &[0.0f32, 0.5, 1.0]).unwrap();
            }
        }
        writer.close().unwrap();
        Run::open(dir.path()).unwrap().read().unwrap()
    }

    fn drawn(run: &RunData, confusion: Option<&Confusion>) -> Figure {
        let caption = RunCaption { subtitle: "tiny <network>", confusion };
        overview(run, &RunData::default(), &caption).unwrap()
    }

    #[test]
    fn any_number_of_layers_is_a_page() {
        let heights = [0, 1, 3, 4, 90, 91, 400].map(|layers| {
            let figure = drawn(&run(layers, &["kernel", "bias"]), None);
            assert_drawable(&figure);
            assert!(figure.svg().contains("tiny &lt;network&gt;"));
            let named = figure.svg().matches(">layer_").count();
            assert_eq!(named, layers.min(MOST_ROWS * LAYERS));
            let told = format!("{} more layers", layers - named);
            assert_eq!(figure.svg().contains(&told), named < layers);
            figure.height()
        });
        assert!(heights.is_sorted() && heights[1] == heights[2] && heights[2] < heights[3]);
        assert_eq!(heights[5], heights[6]);
        // Twice as large as on the page, it is still a PNG.
        assert!(heights[6] * 2 <= 16_384, "{}", heights[6]);
    }

    #[test]
    fn kernel_and_bias_come_first() {
        let check = |variables: &[&str], expected: &[&str]| {
            let svg = drawn(&run(1, variables), None).svg().to_owned();
            let shown: Vec<&str> = ["kernel", "bias", "gamma", "beta", "moving_mean"]
                .into_iter()
                .filter(|name| svg.contains(&format!(">{name}<")))
                .collect();
            assert_eq!(shown, expected, "{variables:?}");
            let left_out = variables.len() - expected.len();
            assert_eq!(svg.contains(&format!("and {left_out} more")), left_out > 0);
        };
        check(&["kernel", "bias"], &["kernel", "bias"]);
        check(&["gamma", "bias", "kernel"], &["kernel", "bias"]);
        check(&["gamma", "beta", "moving_mean"], &["gamma", "beta"]);
        check(&["kernel"], &["kernel"]);
    }

    #[test]
    fn a_confusion_is_drawn_where_it_can_be_read() {
        let of = |classes: usize| Confusion {
            classes: (0..classes).map(|class| format!("class {class}")).collect(),
            counts: vec![1000; classes * classes],
        };
        for (classes, expected) in [(0, false), (1, true), (10, true), (20, true), (21, false), (100, false)]
        {
            let figure = drawn(&RunData::default(), Some(&of(classes)));
            assert_drawable(&figure);
            assert_eq!(figure.svg().contains("Confusion"), expected, "{classes}");
            assert_eq!(figure.svg().contains(">1,000<"), (1..=10).contains(&classes), "{classes}");
        }
    }
}
