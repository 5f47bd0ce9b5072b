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

const TRAINING_LOOK: Look = Look { colour: TRAINING, marker: Marker::Circle, line: Line::Solid };
const VALIDATION_LOOK: Look = Look { colour: VALIDATION, marker: Marker::Diamond, line: Line::Solid };

/// Draws a metric over the epochs: both curves with markers, the best validation epoch marked with its value.
/// `subtitle` says what was trained on what. Epochs are numbered from 1, step 0 being epoch 1.
pub fn curves(metric: Metric, training: &Curve, validation: &Curve, subtitle: &str) -> Figure {
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let entries = [
        Entry { name: "training", curve: training, look: TRAINING_LOOK },
        Entry { name: "validation", curve: validation, look: VALIDATION_LOOK },
    ];
    let legend_left = legend(&mut canvas, metric, &entries);
    let title_room = legend_left - MARGIN - 20.0;
    let subtitle_room = f64::from(WIDTH) - 2.0 * MARGIN;
    axes::heading(&mut canvas, metric.title(), title_room, subtitle, subtitle_room);

    let area = Frame {
        left: MARGIN,
        top: HEADING + 44.0,
        right: f64::from(WIDTH) - MARGIN,
        bottom: f64::from(HEIGHT),
    };
    let plot = EpochPlot::new(metric, area, &entries);
    plot.grid(&mut canvas);
    let best = validation.best(metric);
    if let Some((step, value)) = best {
        mark_best(&mut canvas, &plot, metric, step, value);
    }
    for entry in &entries {
        plot.line(&mut canvas, entry);
    }
    if let Some((step, value)) = best {
        Marker::Diamond.draw(&mut canvas, plot.place(step, value), VALIDATION);
    }
    plot.remarks(&mut canvas, &entries);
    canvas.finish()
}

/// Draws the legend at the right end of the title's line, with each curve's last value; gives its left edge.
fn legend(canvas: &mut Canvas, metric: Metric, entries: &[Entry<'_>]) -> f64 {
    const SAMPLE: f64 = 36.0;
    const GAP: f64 = 26.0;
    let baseline = 41.0;
    let mut right = f64::from(WIDTH) - MARGIN;
    for entry in entries.iter().rev().filter(|entry| !entry.curve.is_empty()) {
        let text = match entry.curve.finite().last() {
            Some((_, last)) => format!("{}, last {}", entry.name, metric.written(last)),
            None => format!("{}, no finite value", entry.name),
        };
        let text_left = right - LEGEND.width(&text);
        canvas.text(Point { x: text_left, y: baseline }, Anchor::Start, LEGEND, &text);
        let sample_left = text_left - 9.0 - SAMPLE;
        entry.look.sample(canvas, sample_left, baseline - 5.5, SAMPLE);
        right = sample_left - GAP;
    }
    right + GAP
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
        assert!(figure.svg().contains("gaps: value not finite"));
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
