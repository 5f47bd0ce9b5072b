//! Lines of one metric over the epochs, each in its look; knows nothing of what the lines stand for.

use tensorboard::Step;

use crate::axes::{self, AXIS_TITLE, SUBTITLE};
use crate::canvas::{Anchor, Canvas, Frame, Line, Point};
use crate::marker::Look;
use crate::palette::FAINT_INK;
use crate::plot::{Axis, Plot};
use crate::ticks::Ticks;
use crate::{Curve, Metric};

/// With more epochs than this, markers would run into one band, so that only lone points get one.
const MOST_MARKED_EPOCHS: usize = 60;

/// A line of the plot.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) curve: &'a Curve,
    pub(crate) look: Look,
}

/// The area of the lines, with its axes.
pub(crate) struct EpochPlot {
    pub(crate) plot: Plot,
    metric: Metric,
    left: f64,
    /// Number of epochs from the first to the last.
    span: usize,
}

impl EpochPlot {
    pub(crate) fn new(metric: Metric, area: Frame, entries: &[Entry<'_>]) -> EpochPlot {
        let steps = || entries.iter().flat_map(|entry| entry.curve.points().map(|(step, _)| step.0));
        let (first, last) = (steps().min().unwrap_or(0), steps().max().unwrap_or(0));
        let (first, last) = (axes::epoch(first), axes::epoch(last));
        let epochs = Ticks::whole(first, last, 12);

        let finite = || entries.iter().flat_map(|entry| entry.curve.finite()).map(|(_, v)| metric.on_axis(v));
        let bounds = finite().map(|v| (v, v)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let (low, high) = bounds.unwrap_or((0.0, metric.on_axis(1.0)));
        let values = metric.axis(low, high);
        let labels = values.labels().into_iter().map(|label| metric.tick_label(label));
        let ends = (values.values.first(), values.values.last());
        let y = Axis {
            domain: (ends.0.copied().unwrap_or(low), ends.1.copied().unwrap_or(high)),
            ticks: values.values.iter().copied().zip(labels).collect(),
            title: metric.name(),
            inset: 0.0,
        };
        let x = Axis {
            domain: (first as f64, last as f64),
            ticks: epochs.values.iter().copied().zip(epochs.labels()).collect(),
            title: "epoch",
            inset: 18.0,
        };
        let span = usize::try_from(last.saturating_sub(first)).unwrap_or(usize::MAX).saturating_add(1);
        EpochPlot { plot: Plot::new(area, x, y), metric, left: area.left, span }
    }

    pub(crate) fn grid(&self, canvas: &mut Canvas) {
        self.plot.grid(canvas, self.left);
    }

    pub(crate) fn place(&self, step: Step, value: f64) -> Point {
        self.plot.at(axes::epoch(step.0) as f64, self.metric.on_axis(value))
    }

    /// Draws a line, with a gap where a value is not finite.
    pub(crate) fn line(&self, canvas: &mut Canvas, entry: &Entry<'_>) {
        let mut piece = Vec::new();
        // A last gap ends the last piece.
        for (step, value) in entry.curve.points().chain([(Step(i64::MAX), f64::NAN)]) {
            if value.is_finite() {
                piece.push(self.place(step, value));
            } else if !piece.is_empty() {
                self.piece(canvas, &piece, entry.look);
                piece.clear();
            }
        }
    }

    /// A line without gaps.
    fn piece(&self, canvas: &mut Canvas, points: &[Point], look: Look) {
        if points.len() > 1 {
            canvas.polyline(points, look.line, 2.5, look.colour);
        }
        if points.len() == 1 || self.span <= MOST_MARKED_EPOCHS {
            for &point in points {
                look.marker.draw(canvas, point, look.colour);
            }
        }
    }

    /// Says what is not to be seen.
    pub(crate) fn remarks(&self, canvas: &mut Canvas, entries: &[Entry<'_>]) {
        if entries.iter().all(|entry| entry.curve.finite().next().is_none()) {
            let style = AXIS_TITLE.coloured(FAINT_INK);
            canvas.text(self.plot.middle(), Anchor::Middle, style, "no finite values recorded");
        }
        if entries.iter().any(|entry| entry.curve.has_gaps()) {
            let Frame { right, bottom, .. } = self.plot.frame;
            let corner = Point { x: right, y: bottom + 54.0 };
            canvas.text(corner, Anchor::End, SUBTITLE, "gaps: not finite");
        }
    }

    /// A dashed line down to a point from above the frame, and a ring around it.
    pub(crate) fn ring(&self, canvas: &mut Canvas, at: Point, look: Look) {
        let above = Point { x: at.x, y: self.plot.frame.top - 5.0 };
        canvas.polyline(&[above, at], Line::Dashed, 1.5, look.colour);
        canvas.circle(at, 12.0, look.colour);
        canvas.circle(at, 9.5, crate::palette::PAPER);
    }
}
