//! The loss over a learning rate that grows from step to step; knows nothing of how a rate is suggested.

use crate::axes::{self, AXIS_TITLE, HEADING, MARGIN, SUBTITLE};
use crate::canvas::{Anchor, Canvas, Frame, Line, Point, Type};
use crate::numbers;
use crate::palette::{AXIS, FAINT_INK, TRAINING, VALIDATION};
use crate::plot::{Axis, Plot};
use crate::ticks::Ticks;
use crate::{Figure, Metric};

const WIDTH: u32 = 1100;
const HEIGHT: u32 = 640;
const LEGEND: Type = Type::regular(16.0);
const SUGGESTED: Type = Type::bold(16.0).coloured(TRAINING);

/// Losses up to so many times the way from the smallest to the first one are shown. Towards the end of a search the
/// loss has no bounds, and would press what matters flat.
const SHOWN: f64 = 1.5;

/// Draws the loss over the learning rate on a logarithmic axis: of each batch as a dot, smoothed as a line, with the
/// suggested rate marked. Both are pairs of rate and loss in the order of the search; pairs that are not finite or
/// whose rate is not positive are left out.
pub fn learning_rate_curve(
    points: &[(f64, f64)],
    smoothed: &[(f64, f64)],
    suggestion: Option<f64>,
    subtitle: &str,
) -> Figure {
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let room = f64::from(WIDTH) - 2.0 * MARGIN;
    let legend_left = legend(&mut canvas);
    axes::heading(&mut canvas, "Loss over learning rate", legend_left - MARGIN - 20.0, subtitle, room);

    let (points, smoothed) = (drawable(points), drawable(smoothed));
    let suggestion = suggestion.filter(|rate| rate.is_finite() && *rate > 0.0);
    let top = ceiling(if smoothed.is_empty() { &points } else { &smoothed });
    let (plot, highest) = plot(&points, &smoothed, suggestion, top);
    plot.grid(&mut canvas, MARGIN);
    for &(rate, loss) in points.iter().filter(|(_, loss)| *loss <= highest) {
        canvas.circle(plot.at(rate, loss), 2.5, AXIS);
    }
    let below = |&(_, loss): &(f64, f64)| loss <= highest;
    for piece in smoothed.chunk_by(|a, b| below(a) && below(b)).filter(|piece| piece.iter().all(below)) {
        let piece: Vec<Point> = piece.iter().map(|&(rate, loss)| plot.at(rate, loss)).collect();
        canvas.polyline(&piece, Line::Solid, 2.5, VALIDATION);
    }
    if let Some(rate) = suggestion {
        mark(&mut canvas, &plot, rate, loss_at(&smoothed, libm::log10(rate)).filter(|loss| *loss <= highest));
    }
    let Frame { right, bottom, .. } = plot.frame;
    if points.is_empty() && smoothed.is_empty() {
        let style = AXIS_TITLE.coloured(FAINT_INK);
        canvas.text(plot.middle(), Anchor::Middle, style, "no finite values recorded");
    } else if points.iter().chain(&smoothed).any(|point| !below(point)) {
        let text = format!("losses above {} are not shown", numbers::short(highest));
        canvas.text(Point { x: right, y: bottom + 54.0 }, Anchor::End, SUBTITLE, &text);
    }
    canvas.finish()
}

/// The power of ten of each rate, and its loss.
fn drawable(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let good = |&&(rate, loss): &&(f64, f64)| rate.is_finite() && rate > 0.0 && loss.is_finite();
    points.iter().filter(good).map(|&(rate, loss)| (libm::log10(rate), loss)).collect()
}

/// The largest loss worth showing.
fn ceiling(points: &[(f64, f64)]) -> f64 {
    let losses = || points.iter().map(|&(_, loss)| loss);
    let Some(first) = losses().next() else { return f64::INFINITY };
    let (low, high) = losses().fold((first, first), |(low, high), loss| (low.min(loss), high.max(loss)));
    // A search that only gets worse from its first loss on is shown whole.
    if first > low { high.min(low + (first - low) * SHOWN) } else { high }
}

/// The plot, and the largest loss on its axis.
fn plot(points: &[(f64, f64)], smoothed: &[(f64, f64)], suggestion: Option<f64>, top: f64) -> (Plot, f64) {
    let bounds = |values: &mut dyn Iterator<Item = f64>| {
        values.map(|v| (v, v)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    };
    let all = || points.iter().chain(smoothed);
    let suggested = suggestion.map(libm::log10);
    let (first, last) = bounds(&mut all().map(|p| p.0).chain(suggested)).unwrap_or((-5.0, 0.0));
    let (first, last) = axes::widened(first, last, 0.5);
    let (low, high) = bounds(&mut all().map(|p| p.1).filter(|&loss| loss <= top)).unwrap_or((0.0, 1.0));
    let values = Metric::Loss.axis(low, high);
    let ends = (values.values.first(), values.values.last());
    let domain = (ends.0.copied().unwrap_or(low), ends.1.copied().unwrap_or(high));
    let y = Axis {
        domain,
        ticks: values.values.iter().copied().zip(values.labels()).collect(),
        title: "loss",
        inset: 0.0,
    };
    let x = Axis { domain: (first, last), ticks: powers(first, last), title: "learning rate", inset: 18.0 };
    let area = Frame {
        left: MARGIN,
        top: HEADING + 44.0,
        right: f64::from(WIDTH) - MARGIN,
        bottom: f64::from(HEIGHT),
    };
    (Plot::new(area, x, y), domain.1)
}

/// Ticks at 1, 2 and 5 times powers of ten, or at powers of ten alone where there are many; only lines at the
/// others.
fn powers(first: f64, last: f64) -> Vec<(f64, String)> {
    /// With more powers of ten than this, some go without a label.
    const MOST: u32 = 12;
    let span = last - first;
    if span > f64::from(MOST) {
        let ticks = Ticks::within(first, last, MOST);
        return ticks
            .values
            .iter()
            .map(|&power| (power, format!("1e{}", numbers::fixed(power, 0))))
            .collect();
    }
    let mut ticks = Vec::new();
    for power in first.floor() as i32..=last.floor() as i32 {
        for digit in 1..=9 {
            let at = f64::from(power) + libm::log10(f64::from(digit));
            let written = match digit {
                1 => true,
                2 | 5 => span <= 3.0,
                _ => span <= 0.6,
            };
            let label = if written {
                format!("{digit}e{}", numbers::fixed(f64::from(power), 0))
            } else {
                String::new()
            };
            if (first..=last).contains(&at) {
                ticks.push((at, label));
            }
        }
    }
    ticks
}

/// The loss at a rate, on the line between the two points around it.
fn loss_at(smoothed: &[(f64, f64)], power: f64) -> Option<f64> {
    let around = smoothed.windows(2).find(|pair| pair[0].0 <= power && power <= pair[1].0)?;
    let ((from, a), (to, b)) = (around[0], around[1]);
    let part = if to > from { (power - from) / (to - from) } else { 0.0 };
    Some(a + (b - a) * part)
}

/// A dashed line at the suggested rate, with its value above the frame, and a ring where the curve passes.
fn mark(canvas: &mut Canvas, plot: &Plot, rate: f64, loss: Option<f64>) {
    let text = format!("suggested {}", numbers::rate(rate));
    let Frame { left, top, right, bottom } = plot.frame;
    let x = plot.at(libm::log10(rate), 0.0).x;
    let half = SUGGESTED.width(&text) / 2.0;
    let label = Point { x: x.clamp(left + half, right - half), y: top - 12.0 };
    canvas.text(label, Anchor::Middle, SUGGESTED, &text);
    canvas.polyline(&[Point { x, y: top - 5.0 }, Point { x, y: bottom }], Line::Dashed, 2.0, TRAINING);
    if let Some(loss) = loss {
        let at = plot.at(libm::log10(rate), loss);
        canvas.circle(at, 8.0, TRAINING);
        canvas.circle(at, 4.0, crate::palette::PAPER);
    }
}

/// Draws the legend at the right end of the title's line; gives its left edge.
fn legend(canvas: &mut Canvas) -> f64 {
    const SAMPLE: f64 = 36.0;
    let baseline = 41.0;
    let right = f64::from(WIDTH) - MARGIN;
    let line = right - LEGEND.width("smoothed");
    canvas.text(Point { x: line, y: baseline }, Anchor::Start, LEGEND, "smoothed");
    let y = baseline - 5.5;
    let sample = [Point { x: line - 9.0 - SAMPLE, y }, Point { x: line - 9.0, y }];
    canvas.polyline(&sample, Line::Solid, 2.5, VALIDATION);
    let dots = sample[0].x - 26.0 - LEGEND.width("of one batch");
    canvas.text(Point { x: dots, y: baseline }, Anchor::Start, LEGEND, "of one batch");
    canvas.circle(Point { x: dots - 12.0, y }, 2.5, AXIS);
    dots - 18.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::assert_drawable;

    /// Rates from 1e-6 to 1 and a loss that falls and then flies off.
    fn search() -> Vec<(f64, f64)> {
        (0..=60)
            .map(|i| f64::from(i) / 10.0 - 6.0)
            .map(|p| (libm::pow(10.0, p), 2.3 - p / 10.0 + libm::exp(p * 8.0)))
            .collect()
    }

    #[test]
    fn every_shape_of_input_can_be_drawn() {
        let nan = f64::NAN;
        let check = |points: &[(f64, f64)], suggestion| {
            assert_drawable(&learning_rate_curve(points, points, suggestion, "test"));
            assert_drawable(&learning_rate_curve(points, &[], suggestion, "test"));
        };
        check(&[], None);
        check(&[], Some(1e-3));
        check(&[(1e-3, 2.0)], Some(1e-3));
        check(&[(1e-3, 2.0), (1e-3, 2.0)], Some(nan));
        check(&[(0.0, 1.0), (-1.0, 1.0), (nan, 1.0), (1.0, nan), (1e-2, 1.0)], Some(0.0));
        check(&[(1e-300, 1.0), (1e300, 3e38)], Some(1e10));
        check(&[(0.010, 1.0), (0.012, 0.5)], Some(0.011));
    }

    #[test]
    fn the_suggestion_is_told_and_losses_out_of_bounds_are_left_out() {
        let points = search();
        let figure = learning_rate_curve(&points, &points, Some(1e-3), "");
        assert!(figure.svg().contains(">suggested 0.001<"), "{}", figure.svg());
        assert!(figure.svg().contains("are not shown"));
        let falling = learning_rate_curve(&points[..40], &points[..40], None, "");
        assert!(!falling.svg().contains("are not shown") && !falling.svg().contains("suggested"));
    }

    #[test]
    fn powers_of_ten_are_written_as_many_as_have_room() {
        let labels = |first, last| -> Vec<String> {
            powers(first, last)
                .into_iter()
                .map(|(_, label)| label)
                .filter(|label| !label.is_empty())
                .collect()
        };
        assert_eq!(labels(-5.0, -1.5), ["1e−5", "1e−4", "1e−3", "1e−2"]);
        assert_eq!(labels(-3.0, -2.0), ["1e−3", "2e−3", "5e−3", "1e−2"]);
        assert!(labels(-300.0, 300.0).len() <= 13);
    }
}
