//! How often a network is right that is so and so sure, as a picture; knows nothing of the network.

use crate::axes::{self, HEADING, MARGIN};
use crate::canvas::{Anchor, Canvas, Frame, Line, Point, Type};
use crate::palette::{AXIS, FAINT_INK, INK, RIGHT, TRAINING, VALIDATION};
use crate::plot::{Axis, Plot};
use crate::ticks::Ticks;
use crate::{Figure, numbers};

/// The predictions whose confidence lies in one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ConfidenceBin {
    /// How many there are.
    pub count: u64,
    /// Their mean confidence, 0 to 1.
    pub confidence: f64,
    /// The part of them that is right, 0 to 1.
    pub accuracy: f64,
}

/// Predictions by their confidence, the probability of the predicted class.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    /// Equal bins from confidence 0 to 1.
    pub bins: Vec<ConfidenceBin>,
}

impl Calibration {
    /// Sorts predictions into so many equal bins: the confidence of each, and whether it is right. One whose
    /// confidence is NaN is left out.
    pub fn of(predictions: impl IntoIterator<Item = (f64, bool)>, bins: usize) -> Calibration {
        let mut sums = vec![(0u64, 0.0, 0u64); bins.max(1)];
        for (confidence, right) in predictions.into_iter().filter(|(confidence, _)| !confidence.is_nan()) {
            let confidence = confidence.clamp(0.0, 1.0);
            let place = ((confidence * sums.len() as f64) as usize).min(sums.len() - 1);
            let (count, sum, rights) = &mut sums[place];
            *count += 1;
            *sum += confidence;
            *rights += u64::from(right);
        }
        let mean = |sum: f64, count: u64| if count > 0 { sum / count as f64 } else { 0.0 };
        let bin = |(count, sum, rights)| ConfidenceBin {
            count,
            confidence: mean(sum, count),
            accuracy: mean(rights as f64, count),
        };
        Calibration { bins: sums.into_iter().map(bin).collect() }
    }

    /// The expected calibration error: the mean distance between confidence and accuracy of the bins, each as
    /// heavy as its predictions are many (Naeini, Cooper, Hauskrecht 2015). `None` without predictions.
    pub fn error(&self) -> Option<f64> {
        self.mean(|bin| (bin.confidence - bin.accuracy).abs())
    }

    /// By how much the mean confidence is above the accuracy; below 0, the network is less sure than it is good.
    pub fn overconfidence(&self) -> Option<f64> {
        self.mean(|bin| bin.confidence - bin.accuracy)
    }

    pub(crate) fn count(&self) -> f64 {
        self.bins.iter().map(|bin| bin.count as f64).sum()
    }

    /// The edges of a bin.
    pub(crate) fn edges(&self, bin: usize) -> (f64, f64) {
        let width = 1.0 / self.bins.len() as f64;
        (bin as f64 * width, (bin + 1) as f64 * width)
    }

    fn mean(&self, of: impl Fn(&ConfidenceBin) -> f64) -> Option<f64> {
        let count = self.count();
        let filled = self.bins.iter().filter(|bin| bin.count > 0);
        (count > 0.0).then(|| filled.map(|bin| of(bin) * (bin.count as f64 / count)).sum())
    }
}

const WIDTH: u32 = 1100;
const HEIGHT: u32 = 800;
const KEY: Type = Type::regular(15.0);
const FIGURE: Type = Type::bold(30.0);

/// Draws a reliability diagram: the accuracy of each bin as a bar, its distance from the mean confidence, which
/// would be its height at best, as a line, and below how many of the predictions are in it.
pub fn reliability(calibration: &Calibration, subtitle: &str) -> Figure {
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let room = f64::from(WIDTH) - 2.0 * MARGIN;
    axes::heading(&mut canvas, "Confidence and accuracy", room, subtitle, room);
    let frame = Frame { left: MARGIN + 96.0, top: HEADING + 14.0, right: 780.0, bottom: 560.0 };
    let below = Frame { top: 606.0, bottom: f64::from(HEIGHT) - 70.0, ..frame };
    let plot = Plot::in_frame(frame, percents(Labels::LeftOut), percents(Labels::Written("accuracy")));
    plot.grid(&mut canvas, MARGIN);
    for (index, bin) in calibration.bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
        bar(&mut canvas, &plot, calibration.edges(index), percent(bin.accuracy), RIGHT);
    }
    canvas.polyline(&[plot.at(0.0, 0.0), plot.at(100.0, 100.0)], Line::Dashed, 1.5, INK);
    for bin in calibration.bins.iter().filter(|bin| bin.count > 0) {
        let (confidence, accuracy) = (percent(bin.confidence), percent(bin.accuracy));
        let ends = [plot.at(confidence, accuracy), plot.at(confidence, confidence)];
        canvas.polyline(&ends, Line::Solid, 3.0, TRAINING);
        canvas.circle(ends[0], 5.5, VALIDATION);
    }
    let count = calibration.count();
    let most = calibration.bins.iter().map(|bin| percent(bin.count as f64 / count)).fold(0.0, f64::max);
    let counts = Plot::in_frame(below, percents(Labels::Written("confidence")), up_to(most));
    counts.grid(&mut canvas, MARGIN);
    for (index, bin) in calibration.bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
        bar(&mut canvas, &counts, calibration.edges(index), percent(bin.count as f64 / count), AXIS);
    }
    if count == 0.0 {
        canvas.text(plot.middle(), Anchor::Middle, KEY.coloured(FAINT_INK), "no predictions");
    }
    figures(&mut canvas, calibration);
    canvas.finish()
}

fn percent(part: f64) -> f64 {
    if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) * 100.0 }
}

#[derive(Clone, Copy, Debug)]
enum Labels {
    LeftOut,
    /// With the title of the axis.
    Written(&'static str),
}

/// An axis from 0 % to 100 %.
fn percents(labels: Labels) -> Axis {
    let title = match labels {
        Labels::LeftOut => "",
        Labels::Written(title) => title,
    };
    let label = |value| if title.is_empty() { String::new() } else { format!("{value} %") };
    let ticks = (0..=100u32).step_by(20).map(|value| (f64::from(value), label(value))).collect();
    Axis { domain: (0.0, 100.0), ticks, title, inset: 0.0 }
}

/// The axis of the parts in the bins, whose largest is so many percent.
fn up_to(most: f64) -> Axis {
    let ticks = Ticks::around(0.0, if most > 0.0 { most } else { 100.0 }, 3);
    let labels = ticks.labels().into_iter().map(|label| format!("{label} %"));
    let domain = (0.0, ticks.values.last().copied().unwrap_or(100.0));
    Axis {
        domain,
        ticks: ticks.values.iter().copied().zip(labels).collect(),
        title: "predictions",
        inset: 0.0,
    }
}

/// A bar of a bin, a little apart from its neighbours.
fn bar(canvas: &mut Canvas, plot: &Plot, edges: (f64, f64), height: f64, colour: crate::palette::Rgb) {
    let (low, high) = (plot.at(percent(edges.0), 0.0), plot.at(percent(edges.1), height));
    let gap = ((high.x - low.x) * 0.06).min(2.0);
    canvas.rectangle(Frame { left: low.x + gap, top: high.y, right: high.x - gap, bottom: low.y }, colour);
}

/// What the diagram comes to, and what its marks are, at the right.
fn figures(canvas: &mut Canvas, calibration: &Calibration) {
    let (left, mut y) = (816.0, HEADING + 40.0);
    let faint = KEY.coloured(FAINT_INK);
    let mut said = |canvas: &mut Canvas, figure: &str, lines: [&str; 2]| {
        canvas.text(Point { x: left, y }, Anchor::Start, FIGURE, figure);
        canvas.text(Point { x: left, y: y + 24.0 }, Anchor::Start, faint, lines[0]);
        canvas.text(Point { x: left, y: y + 44.0 }, Anchor::Start, faint, lines[1]);
        y += 96.0;
    };
    if let (Some(error), Some(over)) = (calibration.error(), calibration.overconfidence()) {
        said(canvas, &numbers::percent(error), ["expected calibration", "error"]);
        let how = if over < 0.0 { "below its accuracy" } else { "above its accuracy" };
        said(canvas, &numbers::percent(over.abs()), ["its mean confidence is", how]);
    }
    let count = numbers::grouped(calibration.count());
    said(canvas, &count, ["predictions", ""]);
    let mut y = 430.0;
    let mut key = |canvas: &mut Canvas, text: &str| {
        canvas.text(Point { x: left + 44.0, y: y + 5.0 }, Anchor::Start, KEY, text);
        y += 30.0;
        y - 30.0
    };
    let y = key(canvas, "accuracy of a bin");
    canvas.rectangle(Frame { left: left + 8.0, top: y - 9.0, right: left + 26.0, bottom: y + 9.0 }, RIGHT);
    canvas.circle(Point { x: left + 17.0, y: y - 9.0 }, 5.5, VALIDATION);
    let y = key(canvas, "away from its confidence");
    let ends = [Point { x: left + 17.0, y: y - 11.0 }, Point { x: left + 17.0, y: y + 11.0 }];
    canvas.polyline(&ends, Line::Solid, 3.0, TRAINING);
    let y = key(canvas, "as sure as right");
    canvas.polyline(
        &[Point { x: left, y: y + 8.0 }, Point { x: left + 34.0, y: y - 8.0 }],
        Line::Dashed,
        1.5,
        INK,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::assert_drawable;

    #[test]
    fn predictions_go_into_their_bins() {
        let predictions =
            [(0.0, false), (0.1, true), (0.25, true), (0.95, true), (1.0, false), (f64::NAN, true)];
        let calibration = Calibration::of(predictions, 4);
        let counts: Vec<u64> = calibration.bins.iter().map(|bin| bin.count).collect();
        assert_eq!(counts, [2, 1, 0, 2]);
        assert_eq!(calibration.bins[0], ConfidenceBin { count: 2, confidence: 0.05, accuracy: 0.5 });
        // Bins 0, 1 and 3 are 0.45, 0.75 and 0.475 away, and hold 2, 1 and 2 of 5.
        let error = calibration.error().unwrap();
        assert!((error - (0.45 * 2.0 + 0.75 + 0.475 * 2.0) / 5.0).abs() < 1e-12, "{error}");
        let over = calibration.overconfidence().unwrap();
        assert!((over - (0.0 + 0.1 + 0.25 + 0.95 + 1.0 - 3.0) / 5.0).abs() < 1e-12, "{over}");
        assert_eq!(Calibration::of([], 10).error(), None);
    }

    #[test]
    fn every_shape_of_input_can_be_drawn() {
        let odd = ConfidenceBin { count: u64::MAX, confidence: f64::NAN, accuracy: 7.0 };
        let sharp = (0..1000u32).map(|i| (f64::from(i) / 999.0, i % 3 == 0));
        for calibration in [
            Calibration::default(),
            Calibration::of([], 10),
            Calibration::of([(1.0, true)], 1),
            Calibration::of(sharp, 200),
            Calibration { bins: vec![odd; 3] },
        ] {
            assert_drawable(&reliability(&calibration, "test"));
        }
    }

    #[test]
    fn the_error_is_told() {
        let figure = reliability(&Calibration::of([(0.9, true), (0.9, false)], 10), "");
        assert!(figure.svg().contains(">40.00 %<") && figure.svg().contains("above its accuracy"));
    }
}
