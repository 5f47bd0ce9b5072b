//! The histograms of one variable over the epochs, one behind the other, as TensorBoard's offset view; knows
//! nothing of layers or of the sheet around it.

use tensorboard::{Histogram, Step};

use crate::axes::{self, AXIS_TITLE, Scale, TICK};
use crate::canvas::{Anchor, Canvas, Frame, Line, Point, Type};
use crate::numbers;
use crate::palette::{self, AXIS, FAINT_INK, GRID, PAPER};
use crate::rebin::{self, BINS, Binned};
use crate::ticks::Ticks;

/// More steps than this are thinned out evenly; TensorBoard's histogram dashboard asks for as many.
const MOST_STEPS: usize = 51;

/// The highest peak takes this part of the height, the distances between the steps the rest (TensorBoard's 1 / 2.5).
const PEAK: f64 = 0.4;

/// With more steps than this, a line under each would turn the empty part of the panel into stripes.
const MOST_BASELINES: usize = 25;

const NAME: Type = Type::bold(18.0);
const REMARK: Type = Type::regular(15.0).coloured(FAINT_INK);

/// A variable of a layer, such as its kernel, and its histogram at each step, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Variable<'a> {
    pub(crate) name: &'a str,
    pub(crate) steps: Vec<(Step, &'a Histogram)>,
}

/// Draws a variable into `panel`: its name and number of values, the curves, the values' axis below, the
/// epochs' axis at the right. The newest step is in front, lowest and lightest.
pub(crate) fn ridgeline(canvas: &mut Canvas, panel: Frame, variable: &Variable<'_>) {
    let steps = thinned(&variable.steps);
    let histograms: Vec<&Histogram> = steps.iter().map(|&(_, histogram)| histogram).collect();
    let binned = rebin::rebin(&histograms);
    name(canvas, panel, variable);

    let frame = Frame {
        left: panel.left + 16.0,
        top: panel.top + 46.0,
        right: panel.right - 72.0,
        bottom: panel.bottom - 68.0,
    };
    let stage = Stage::new(frame, &steps, &binned);
    stage.axes(canvas, &binned);
    for (index, &(step, _)) in steps.iter().enumerate() {
        let age = if steps.len() > 1 { index as f64 / (steps.len() - 1) as f64 } else { 1.0 };
        stage.ridge(canvas, &binned, index, step, palette::ramp(age));
    }
    if steps.is_empty() || binned.peak() == 0.0 {
        let middle =
            Point { x: f64::midpoint(frame.left, frame.right), y: f64::midpoint(frame.top, frame.bottom) };
        canvas.text(middle, Anchor::Middle, AXIS_TITLE.coloured(FAINT_INK), "no finite values recorded");
    }
}

/// At most [`MOST_STEPS`] of the steps, evenly spread, the first and the last among them.
fn thinned<'a>(steps: &[(Step, &'a Histogram)]) -> Vec<(Step, &'a Histogram)> {
    if steps.len() <= MOST_STEPS {
        return steps.to_vec();
    }
    (0..MOST_STEPS).map(|i| steps[i * (steps.len() - 1) / (MOST_STEPS - 1)]).collect()
}

fn name(canvas: &mut Canvas, panel: Frame, variable: &Variable<'_>) {
    let at = Point { x: panel.left + 16.0, y: panel.top + 22.0 };
    let text = NAME.fitted(variable.name, (panel.right - panel.left) * 0.5);
    canvas.text(at, Anchor::Start, NAME, &text);

    let remark = size(variable);
    canvas.text(Point { x: at.x + NAME.width(&text) + 12.0, ..at }, Anchor::Start, REMARK, &remark);
}

/// How many values the variable has, and how many of them are at worst in no bucket. A variable keeps its size,
/// so that a step with fewer values than another had values that were not finite.
fn size(variable: &Variable<'_>) -> String {
    let totals =
        || variable.steps.iter().map(|(_, histogram)| histogram.total()).filter(|total| total.is_finite());
    let most = totals().fold(0.0, f64::max);
    let missing = totals().map(|total| most - total).fold(0.0, f64::max);
    let values = format!("{} {}", numbers::grouped(most), if most == 1.0 { "value" } else { "values" });
    if missing < 1.0 { values } else { format!("{values}, up to {} not finite", numbers::grouped(missing)) }
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
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Baselines {
    Drawn,
    LeftOut,
}

impl Stage {
    fn new(frame: Frame, steps: &[(Step, &Histogram)], binned: &Binned) -> Stage {
        let epoch = |step: Option<&(Step, &Histogram)>| step.map_or(1, |(step, _)| axes::epoch(step.0));
        let (first, last) = (epoch(steps.first()), epoch(steps.last()));
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
            epochs: Ticks::whole(first, last, 13),
            baselines: if steps.len() > MOST_BASELINES { Baselines::LeftOut } else { Baselines::Drawn },
        }
    }

    fn axes(&self, canvas: &mut Canvas, binned: &Binned) {
        let Frame { left, top, right, bottom } = self.frame;
        let mut line = |from: (f64, f64), to: (f64, f64), width: f64, colour| {
            let ends = [Point { x: from.0, y: from.1 }, Point { x: to.0, y: to.1 }];
            canvas.polyline(&ends, Line::Solid, width, colour);
        };
        let values = Ticks::within(binned.low, binned.high, 6);
        for &value in &values.values {
            let x = self.x.at(value);
            line((x, top), (x, bottom), 1.0, GRID);
            line((x, bottom), (x, bottom + 6.0), 1.5, AXIS);
        }
        for &epoch in &self.epochs.values {
            let y = self.depth.at(epoch);
            line((left, y), (right, y), 1.0, GRID);
            line((right, y), (right + 6.0, y), 1.5, AXIS);
        }
        line((right, self.back), (right, bottom), 1.5, AXIS);
        line((left, bottom), (right, bottom), 1.5, AXIS);

        for (&value, label) in values.values.iter().zip(values.labels()) {
            canvas.text(Point { x: self.x.at(value), y: bottom + 24.0 }, Anchor::Middle, TICK, &label);
        }
        for (&epoch, label) in self.epochs.values.iter().zip(self.epochs.labels()) {
            canvas.text(
                Point { x: right + 11.0, y: self.depth.at(epoch) + 5.5 },
                Anchor::Start,
                TICK,
                &label,
            );
        }
        canvas.text(Point { x: right, y: self.back - 18.0 }, Anchor::Start, AXIS_TITLE, "epoch");
        let below = Point { x: f64::midpoint(left, right), y: bottom + 50.0 };
        canvas.text(below, Anchor::Middle, AXIS_TITLE, "value");
    }

    /// One step: its area, a white outline that sets it off from those behind, a thin baseline in the same colour.
    fn ridge(&self, canvas: &mut Canvas, binned: &Binned, index: usize, step: Step, colour: palette::Rgb) {
        let base = self.depth.at(axes::epoch(step.0) as f64);
        let from = Point { x: self.frame.left, y: base };
        let to = Point { x: self.frame.right, y: base };
        let top = (0..BINS).map(|bin| Point {
            x: self.x.at(binned.centre(bin)),
            y: base - binned.counts[index][bin] * self.height_per_count,
        });
        let outline: Vec<Point> = [from].into_iter().chain(top).chain([to]).collect();
        canvas.polygon(&outline, colour);
        // Where the step is all but empty it hides nothing, so no outline rubs out the lines along its baseline.
        let seen = |point: &Point| point.y < base - 1.0;
        for raised in outline.chunk_by(|a, b| seen(a) || seen(b)).filter(|points| points.len() > 1) {
            canvas.polyline(raised, Line::Solid, 1.2, PAPER);
        }
        if self.baselines == Baselines::Drawn {
            canvas.polyline(&[from, to], Line::Solid, 1.0, colour);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_went_missing_are_told() {
        let steps: Vec<Histogram> =
            [vec![0.5f32; 1200], vec![0.25; 1200], [vec![f32::NAN; 3], vec![1.0; 1197]].concat()]
                .into_iter()
                .map(|values| values.iter().copied().collect())
                .collect();
        let variable = |number: usize| {
            let steps = (0..).map(Step).zip(&steps[..number]).collect();
            size(&Variable { name: "kernel", steps })
        };
        assert_eq!(variable(0), "0 values");
        assert_eq!(variable(2), "1,200 values");
        assert_eq!(variable(3), "1,200 values, up to 3 not finite");
    }

    #[test]
    fn many_steps_are_thinned_evenly() {
        let histogram = Histogram { buckets: Vec::new(), non_finite: 0 };
        for number in [0, 1, 51, 52, 100, 1000] {
            let steps: Vec<_> = (0..number).map(|step| (Step(step), &histogram)).collect();
            let kept: Vec<i64> = thinned(&steps).iter().map(|(step, _)| step.0).collect();
            assert_eq!(kept.len(), steps.len().min(MOST_STEPS));
            assert_eq!(
                (kept.first(), kept.last()),
                (steps.first().map(|s| &s.0.0), steps.last().map(|s| &s.0.0))
            );
            assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
