//! One metric of several runs in one picture; knows nothing of what sets the runs apart.

use crate::axes::{self, HEADING, MARGIN};
use crate::canvas::{Anchor, Canvas, Frame, Line, Point, Type};
use crate::epochs::{Entry, EpochPlot};
use crate::marker::{Look, Marker};
use crate::palette::{FAINT_INK, RUNS};
use crate::{Curve, Figure, Metric};

const WIDTH: u32 = 1100;
/// Without a longer legend.
const HEIGHT: u32 = 640;
/// Width of the legend at the right.
const LEGEND: f64 = 290.0;
/// Height of a run's two lines there.
const ROW: f64 = 48.0;

const NAME: Type = Type::bold(14.0);
const BEST: Type = Type::regular(14.0).coloured(FAINT_INK);

/// Another number of markers than of colours, so that a colour comes again with another marker.
const MARKERS: [Marker; 6] =
    [Marker::Circle, Marker::Diamond, Marker::Square, Marker::Upwards, Marker::Downwards, Marker::Cross];

/// Draws one metric of several runs over the epochs, with their names and best values at the right. Up to ten
/// runs are told apart well, by colour, marker and dashes; more are drawn all the same.
pub fn compare(metric: Metric, runs: &[(String, Curve)], subtitle: &str) -> Figure {
    let entries: Vec<Entry<'_>> = runs
        .iter()
        .enumerate()
        .map(|(index, (name, curve))| Entry { name, curve, look: look(index) })
        .collect();
    let legend_height = ROW * entries.len() as f64 + 40.0;
    let height = (HEADING + 20.0 + legend_height).max(f64::from(HEIGHT)).min(f64::from(u32::MAX));
    let mut canvas = Canvas::new(WIDTH, height as u32);
    let width = f64::from(WIDTH);
    let title =
        format!("{} of {} {}", metric.title(), runs.len(), if runs.len() == 1 { "run" } else { "runs" });
    axes::heading(&mut canvas, &title, width - 2.0 * MARGIN, subtitle, width - 2.0 * MARGIN);

    let area = Frame {
        left: MARGIN,
        top: HEADING + 20.0,
        right: width - MARGIN - LEGEND,
        bottom: f64::from(HEIGHT),
    };
    let plot = EpochPlot::new(metric, area, &entries);
    plot.grid(&mut canvas);
    for entry in &entries {
        plot.line(&mut canvas, entry);
    }
    plot.remarks(&mut canvas, &entries);
    for (index, entry) in entries.iter().enumerate() {
        let corner = Point { x: area.right + 24.0, y: area.top + ROW * index as f64 };
        legend(&mut canvas, corner, metric, entry);
    }
    canvas.finish()
}

fn look(index: usize) -> Look {
    Look {
        colour: RUNS[index % RUNS.len()],
        marker: MARKERS[index % MARKERS.len()],
        line: if (index / RUNS.len()).is_multiple_of(2) { Line::Solid } else { Line::Dashed },
    }
}

/// Name and best value of a run beside a piece of its line.
fn legend(canvas: &mut Canvas, corner: Point, metric: Metric, entry: &Entry<'_>) {
    const SAMPLE: f64 = 40.0;
    entry.look.sample(canvas, corner.x, corner.y + 10.0, SAMPLE);
    let left = corner.x + SAMPLE + 10.0;
    let room = f64::from(WIDTH) - MARGIN - left;
    let name = NAME.fitted_inside(entry.name, room);
    canvas.text(Point { x: left, y: corner.y + 15.0 }, Anchor::Start, NAME, &name);
    let best = entry
        .curve
        .best(metric)
        .map(|(step, value)| format!("best {} in epoch {}", metric.written(value), axes::epoch(step.0)));
    let last = || entry.curve.finite().last().map(|(_, value)| format!("last {}", metric.written(value)));
    let text = best.or_else(last).unwrap_or_else(|| "no finite value".to_owned());
    canvas.text(Point { x: left, y: corner.y + 34.0 }, Anchor::Start, BEST, &BEST.fitted(&text, room));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::tests::curve;
    use crate::run::tests::assert_drawable;

    #[test]
    fn forty_lines_look_different() {
        let looks: Vec<Look> = (0..40).map(look).collect();
        for (index, look) in looks.iter().enumerate() {
            assert!(!looks[..index].contains(look), "{index}: {look:?}");
        }
    }

    #[test]
    fn every_number_of_runs_can_be_drawn() {
        let runs = |number: usize| -> Vec<(String, Curve)> {
            (0..number).map(|i| (format!("run <{i}>"), curve(&[0.5, 0.6 + i as f64 * 0.01]))).collect()
        };
        for number in [0, 1, 2, 10, 30] {
            for metric in [Metric::Accuracy, Metric::Loss, Metric::LearningRate] {
                let figure = compare(metric, &runs(number), "cifar10");
                assert_drawable(&figure);
                assert_eq!(figure.svg().matches("run &lt;").count(), number);
            }
        }
        assert!(compare(Metric::Loss, &runs(30), "").height() > HEIGHT);
        assert_drawable(&compare(
            Metric::Loss,
            &[("a".to_owned(), curve(&[f64::NAN])), ("b".to_owned(), Curve::default())],
            "",
        ));
    }

    #[test]
    fn the_best_value_of_each_run_is_told() {
        let runs = [("a".to_owned(), curve(&[0.5, 0.7])), ("b".to_owned(), curve(&[0.6]))];
        let figure = compare(Metric::Accuracy, &runs, "");
        for text in ["best 70.00 % in epoch 2", "best 60.00 % in epoch 1", "Accuracy over epochs of 2 runs"] {
            assert!(figure.svg().contains(text), "{text}");
        }
    }
}
