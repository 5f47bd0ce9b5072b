//! Accuracy or loss over the epochs, training and validation in one picture; knows nothing of where they are read.

use tensorboard::Step;

use crate::axes::{self, HEADING, MARGIN};
use crate::canvas::{Anchor, Canvas, Frame, Line, Point, Type};
use crate::epochs::{Entry, EpochPlot};
use crate::marker::{Look, Marker};
use crate::palette::{TRAINING, VALIDATION};
use crate::{Curve, Figure, Metric};

const WIDTH: u32 = 1100;
const HEIGHT: u32 = 640;
const LEGEND: Type = Type::regular(16.0);
const BEST: Type = Type::bold(16.0).coloured(VALIDATION);
/// Height of the line above the curves that names the best epoch.
const BEST_HEIGHT: f64 = 36.0;

const TRAINING_LOOK: Look = Look { colour: TRAINING, marker: Marker::Circle, line: Line::Solid };
const VALIDATION_LOOK: Look = Look { colour: VALIDATION, marker: Marker::Diamond, line: Line::Solid };

/// Draws a metric over the epochs: both curves with markers, the best validation epoch marked with its value.
/// `subtitle` says what was trained on what. Epochs are numbered from 1, step 0 being epoch 1.
pub fn curves(metric: Metric, training: &Curve, validation: &Curve, subtitle: &str) -> Figure {
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let pair = Pair { metric, training, validation };
    let right = f64::from(WIDTH) - MARGIN;
    let legend_left = pair.legend(&mut canvas, Point { x: right, y: 41.0 });
    let title_room = legend_left - MARGIN - 20.0;
    axes::heading(&mut canvas, metric.title(), title_room, subtitle, right - MARGIN);
    pair.plot(&mut canvas, Frame { left: MARGIN, top: HEADING + 8.0, right, bottom: f64::from(HEIGHT) });
    canvas.finish()
}

/// A metric on the training and on the validation pictures.
pub(crate) struct Pair<'a> {
    pub(crate) metric: Metric,
    pub(crate) training: &'a Curve,
    pub(crate) validation: &'a Curve,
}

impl Pair<'_> {
    fn entries(&self) -> [Entry<'_>; 2] {
        [
            Entry { name: "training", curve: self.training, look: TRAINING_LOOK },
            Entry { name: "validation", curve: self.validation, look: VALIDATION_LOOK },
        ]
    }

    /// Draws both curves and their axes; above them the best validation epoch.
    pub(crate) fn plot(&self, canvas: &mut Canvas, area: Frame) {
        let entries = self.entries();
        let plot = EpochPlot::new(self.metric, Frame { top: area.top + BEST_HEIGHT, ..area }, &entries);
        plot.grid(canvas);
        let best = self.validation.best(self.metric);
        if let Some((step, value)) = best {
            mark_best(canvas, &plot, self.metric, step, value);
        }
        for entry in &entries {
            plot.line(canvas, entry);
        }
        if let Some((step, value)) = best {
            Marker::Diamond.draw(canvas, plot.place(step, value), VALIDATION);
        }
        plot.remarks(canvas, &entries);
    }

    /// Draws the legend up to its right end on a baseline, with each curve's last value; gives its left edge.
    pub(crate) fn legend(&self, canvas: &mut Canvas, end: Point) -> f64 {
        const SAMPLE: f64 = 36.0;
        const GAP: f64 = 26.0;
        let mut right = end.x;
        for entry in self.entries().iter().rev().filter(|entry| !entry.curve.is_empty()) {
            let text = match entry.curve.finite().last() {
                Some((_, last)) => format!("{}, last {}", entry.name, self.metric.written(last)),
                None => format!("{}, no finite value", entry.name),
            };
            let text_left = right - LEGEND.width(&text);
            canvas.text(Point { x: text_left, y: end.y }, Anchor::Start, LEGEND, &text);
            let sample_left = text_left - 9.0 - SAMPLE;
            entry.look.sample(canvas, sample_left, end.y - 5.5, SAMPLE);
            right = sample_left - GAP;
        }
        right + GAP
    }
}

/// A ring around the best validation value, led up to a label above the frame, where no curve runs.
fn mark_best(canvas: &mut Canvas, plot: &EpochPlot, metric: Metric, step: Step, value: f64) {
    let at = plot.place(step, value);
    let epoch = axes::epoch(step.0);
    let text = format!("best validation {} in epoch {epoch}", metric.written(value));
    let half = BEST.width(&text) / 2.0;
    let frame = plot.plot.frame;
    let x = at.x.clamp(frame.left + half, frame.right - half);
    canvas.text(Point { x, y: frame.top - 12.0 }, Anchor::Middle, BEST, &text);
    plot.ring(canvas, at, VALIDATION_LOOK);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::tests::curve;
    use crate::run::tests::assert_drawable;

    #[test]
    fn every_shape_of_input_can_be_drawn() {
        let nan = f64::NAN;
        let hundred: Vec<f64> = (0..100).map(|i| 1.0 - 1.0 / f64::from(i + 2)).collect();
        let rows: &[(&[f64], &[f64])] = &[
            (&[], &[]),
            (&[0.5], &[]),
            (&[0.5], &[0.5]),
            (&[0.0, 0.0], &[0.0, 0.0]),
            (&[1.0, 1.0], &[1.0]),
            (&[nan], &[nan, nan]),
            (&[0.4, nan, 0.6, f64::INFINITY], &[f64::NEG_INFINITY, 0.5]),
            (&hundred, &hundred[1..]),
            (&[3e38, -3e38], &[1e-40]),
            (&[1e-30, 2e-30], &[0.0]),
        ];
        for (training, validation) in rows {
            for metric in [Metric::Accuracy, Metric::Loss, Metric::LearningRate] {
                assert_drawable(&curves(metric, &curve(training), &curve(validation), "test"));
            }
        }
    }

    #[test]
    fn a_gap_breaks_the_line_and_is_told() {
        let figure = curves(Metric::Loss, &curve(&[3.0, 2.0, f64::NAN, 1.0, 0.5]), &Curve::default(), "");
        let lines = figure.svg().lines().filter(|line| line.contains("stroke=\"#d55e00\"")).count();
        assert_eq!(lines, 3, "legend sample and two pieces");
        assert!(figure.svg().contains("gaps: not finite"));
    }

    #[test]
    fn the_best_epoch_is_counted_from_one() {
        let validation = curve(&[0.5, 0.7, 0.7, f64::NAN, 0.6]);
        let figure = curves(Metric::Accuracy, &Curve::default(), &validation, "");
        assert!(figure.svg().contains("best validation 70.00 % in epoch 2"), "{}", figure.svg());
        let figure = curves(Metric::Loss, &Curve::default(), &validation, "");
        assert!(figure.svg().contains("best validation 0.5000 in epoch 1"), "{}", figure.svg());
    }

    #[test]
    fn the_subtitle_is_drawn_escaped() {
        let figure = curves(Metric::Loss, &curve(&[1.0]), &Curve::default(), "<shapes> & \"more\"");
        assert!(figure.svg().contains("&lt;shapes&gt; &amp; &quot;more&quot;"));
    }
}
