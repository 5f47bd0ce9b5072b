//! The histograms of one variable over the epochs, one behind the other, as TensorBoard's offset view; knows
//! nothing of layers or of the sheet around it.

use tensorboard::{Histogram, Step};

use crate::axes::{self, Scale};
use crate::canvas::{Anchor, Canvas, Frame, Line, Point};
use crate::palette::{AXIS, GRID, PAPER, Rgb};
use crate::rebin::{self, Binned};
use crate::ticks::Ticks;
use crate::variable::{self, PanelStyle, Variable};

/// The highest peak takes this part of the height, the distances between the steps the rest (TensorBoard's 1 / 2.5).
const PEAK: f64 = 0.4;

/// With more steps than this, a line under each would turn the empty part of the panel into stripes.
const MOST_BASELINES: usize = 25;

/// What sets a step off from those behind it: this part of the distance between two, and at most so many pixels.
const OUTLINE: (f64, f64) = (0.1, 1.2);

/// Draws a variable into `panel`: its name and number of values, the curves, the values' axis below, the
/// epochs' axis at the right. The newest step is in front, lowest and lightest.
pub(crate) fn ridgeline(canvas: &mut Canvas, panel: Frame, variable: &Variable<'_>, style: &PanelStyle) {
    let steps = variable.thinned(style.most_steps);
    let histograms: Vec<&Histogram> = steps.iter().map(|&(_, histogram)| histogram).collect();
    let binned = rebin::rebin(&histograms);
    variable.head(canvas, panel, style);

    let stage = Stage::new(style.data(panel), &steps, &binned, style);
    stage.axes(canvas, &binned);
    for (index, &(step, _)) in steps.iter().enumerate() {
        stage.ridge(canvas, &binned, index, step, variable::step_colour(index, steps.len()));
    }
    if binned.peak() == 0.0 {
        variable::nothing_recorded(canvas, stage.frame, style);
    }
}

/// The scales of one panel.
struct Stage {
    frame: Frame,
    x: Scale,
    /// From epochs to baselines.
    depth: Scale,
    /// Pixels of the highest peak over its count.
    height_per_count: f64,
    /// Baseline of the oldest step.
    back: f64,
    epochs: Ticks,
    baselines: Baselines,
    /// Width of the outlines.
    outline: f64,
    style: PanelStyle,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Baselines {
    Drawn,
    LeftOut,
}

impl Stage {
    fn new(frame: Frame, steps: &[(Step, &Histogram)], binned: &Binned, style: &PanelStyle) -> Stage {
        let (first, last) = variable::epochs(steps);
        // A step that has nothing behind it takes the whole height.
        let height = (frame.bottom - frame.top) * if first < last { PEAK } else { 1.0 };
        let back = if first < last { frame.top + height } else { frame.bottom };
        let peak = binned.peak();
        Stage {
            frame,
            x: Scale::new((binned.low, binned.high), (frame.left, frame.right)),
            depth: Scale::new((first as f64, last as f64), (back, frame.bottom)),
            height_per_count: if peak > 0.0 { height / peak } else { 0.0 },
            back,
            epochs: variable::epoch_ticks((first, last), frame.bottom - back, style),
            baselines: if steps.len() > MOST_BASELINES { Baselines::LeftOut } else { Baselines::Drawn },
            outline: ((frame.bottom - back) / steps.len() as f64 * OUTLINE.0).min(OUTLINE.1),
            style: *style,
        }
    }

    fn axes(&self, canvas: &mut Canvas, binned: &Binned) {
        let Frame { left, top, right, bottom } = self.frame;
        let tick = self.style.tick;
        let values = variable::value_ticks(binned.low, binned.high, right - left, &self.style);
        let across = |y: f64, from: f64, to: f64| [from, to].map(|x| Point { x, y });
        let down = |x: f64, from: f64, to: f64| [from, to].map(|y| Point { x, y });
        let columns: Vec<f64> = values.values.iter().map(|&value| self.x.at(value)).collect();
        let rows: Vec<f64> = self.epochs.values.iter().map(|&epoch| self.depth.at(epoch)).collect();
        let grid = columns.iter().map(|&x| down(x, top, bottom));
        let grid: Vec<_> = grid.chain(rows.iter().map(|&y| across(y, left, right))).collect();
        canvas.segments(&grid, 1.0, GRID);
        let ticks = columns.iter().map(|&x| down(x, bottom, bottom + 6.0));
        let ticks = ticks.chain(rows.iter().map(|&y| across(y, right, right + 6.0)));
        let axes = [down(right, self.back, bottom), across(bottom, left, right)];
        canvas.segments(&ticks.chain(axes).collect::<Vec<_>>(), 1.5, AXIS);

        for (&value, label) in values.values.iter().zip(values.labels()) {
            let below = Point { x: self.x.at(value), y: bottom + 6.0 + 1.2 * tick.size };
            canvas.text(below, Anchor::Middle, tick, &label);
        }
        for (&epoch, label) in self.epochs.values.iter().zip(self.epochs.labels()) {
            let beside = Point { x: right + 11.0, y: self.depth.at(epoch) + 0.37 * tick.size };
            canvas.text(beside, Anchor::Start, tick, &label);
        }
        if let Some(title) = self.style.titles {
            canvas.text(Point { x: right, y: self.back - 18.0 }, Anchor::Start, title, "epoch");
            let below = Point { x: f64::midpoint(left, right), y: bottom + 50.0 };
            canvas.text(below, Anchor::Middle, title, "value");
        }
    }

    /// One step: its area, a white outline that sets it off from those behind, a thin baseline in the same colour.
    fn ridge(&self, canvas: &mut Canvas, binned: &Binned, index: usize, step: Step, colour: Rgb) {
        let base = self.depth.at(axes::epoch(step.0) as f64);
        let [from, to] = [self.frame.left, self.frame.right].map(|x| Point { x, y: base });
        let place = |(value, count): (f64, f64)| Point {
            x: self.x.at(value),
            y: base - count * self.height_per_count,
        };
        let outline: Vec<Point> = binned.outline(index).map(place).collect();
        canvas.polygon(&outline, colour);
        // Where the step is all but empty it hides nothing, so no outline rubs out the lines along its baseline.
        let seen = |point: &Point| point.y < base - 1.0;
        for raised in outline.chunk_by(|a, b| seen(a) || seen(b)).filter(|points| points.len() > 1) {
            canvas.polyline(raised, Line::Solid, self.outline, PAPER);
        }
        if self.baselines == Baselines::Drawn {
            canvas.polyline(&[from, to], Line::Solid, 1.0, colour);
        }
    }
}
