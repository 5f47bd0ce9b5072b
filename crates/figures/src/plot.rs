//! The area of the data with its two axes, drawn alike in every plot; knows nothing of what is plotted.

use crate::axes::{AXIS_TITLE, Scale, TICK};
use crate::canvas::{Anchor, Canvas, Frame, Point};
use crate::palette::{AXIS, GRID};

/// What the tick labels and the title below take of an area, in pixels.
const BELOW: f64 = 76.0;

/// One axis.
pub(crate) struct Axis {
    /// What lies at its ends.
    pub(crate) domain: (f64, f64),
    /// Where its ticks are and what stands there; without a text, only a line of the grid.
    pub(crate) ticks: Vec<(f64, String)>,
    pub(crate) title: &'static str,
    /// How far from the ends of the frame those of the domain are, in pixels, so that markers there are whole.
    pub(crate) inset: f64,
}

impl Axis {
    fn scale(&self, from: f64, to: f64) -> Scale {
        let inset = if from < to { self.inset } else { -self.inset };
        Scale::new(self.domain, (from + inset, to - inset))
    }
}

/// The area of the data.
pub(crate) struct Plot {
    pub(crate) frame: Frame,
    x: Axis,
    y: Axis,
    scales: (Scale, Scale),
}

impl Plot {
    /// A plot in `area`, of which the labels at the left and below take their part.
    pub(crate) fn new(area: Frame, x: Axis, y: Axis) -> Plot {
        let widest = y.ticks.iter().map(|(_, label)| TICK.width(label)).fold(0.0, f64::max);
        let frame = Frame { left: area.left + 30.0 + widest + 10.0, bottom: area.bottom - BELOW, ..area };
        Plot::in_frame(frame, x, y)
    }

    /// A plot whose data have this frame; labels and titles are outside.
    pub(crate) fn in_frame(frame: Frame, x: Axis, y: Axis) -> Plot {
        let scales = (x.scale(frame.left, frame.right), y.scale(frame.bottom, frame.top));
        Plot { frame, x, y, scales }
    }

    pub(crate) fn at(&self, x: f64, y: f64) -> Point {
        Point { x: self.scales.0.at(x), y: self.scales.1.at(y) }
    }

    /// The middle of the data, for a remark.
    pub(crate) fn middle(&self) -> Point {
        let Frame { left, top, right, bottom } = self.frame;
        Point { x: f64::midpoint(left, right), y: f64::midpoint(top, bottom) }
    }

    /// Draws the grid and the axes with their labels; the title of the values' axis begins at `title_left`.
    pub(crate) fn grid(&self, canvas: &mut Canvas, title_left: f64) {
        let Frame { left, top, right, bottom } = self.frame;
        let (x_scale, y_scale) = self.scales;
        let across = |y: f64| [left, right].map(|x| Point { x, y });
        let down = |x: f64, from: f64, to: f64| [from, to].map(|y| Point { x, y });
        let at = self.x.ticks.iter().map(|(value, label)| (x_scale.at(*value), label));
        let rows = self.y.ticks.iter().map(|(value, _)| across(y_scale.at(*value)));
        let grid: Vec<[Point; 2]> = rows.chain(at.clone().map(|(x, _)| down(x, top, bottom))).collect();
        canvas.segments(&grid, 1.0, GRID);
        let labelled = at.filter(|(_, label)| !label.is_empty());
        let axes = [across(bottom), down(left, top, bottom)];
        let axes: Vec<_> = labelled.map(|(x, _)| down(x, bottom, bottom + 6.0)).chain(axes).collect();
        canvas.segments(&axes, 1.5, AXIS);

        for (value, label) in self.y.ticks.iter().filter(|(_, label)| !label.is_empty()) {
            canvas.text(Point { x: left - 10.0, y: y_scale.at(*value) + 5.5 }, Anchor::End, TICK, label);
        }
        for (value, label) in self.x.ticks.iter().filter(|(_, label)| !label.is_empty()) {
            canvas.text(Point { x: x_scale.at(*value), y: bottom + 25.0 }, Anchor::Middle, TICK, label);
        }
        let Point { x, y } = self.middle();
        canvas.text(Point { x, y: bottom + 54.0 }, Anchor::Middle, AXIS_TITLE, self.x.title);
        canvas.text_upwards(Point { x: title_left + 10.0, y }, Anchor::Middle, AXIS_TITLE, self.y.title);
    }
}
