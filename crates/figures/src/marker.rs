//! How a line is told from others where colours fail: the mark at each of its points, and its dashes.

use crate::canvas::{Canvas, Line, Point};
use crate::palette::Rgb;

/// The mark at each point of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    Circle,
    Diamond,
    Square,
    Upwards,
    Downwards,
    Cross,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Look {
    pub(crate) colour: Rgb,
    pub(crate) marker: Marker,
    pub(crate) line: Line,
}

impl Marker {
    pub(crate) fn draw(self, canvas: &mut Canvas, centre: Point, colour: Rgb) {
        let corners = |reach: f64, corners: &[(f64, f64)]| -> Vec<Point> {
            let corner =
                |&(dx, dy): &(f64, f64)| Point { x: centre.x + dx * reach, y: centre.y + dy * reach };
            corners.iter().map(corner).collect()
        };
        match self {
            Marker::Circle => canvas.circle(centre, 5.0, colour),
            Marker::Diamond => {
                let around = [(0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)];
                canvas.polygon(&corners(6.5, &around), colour);
            }
            Marker::Square => {
                let around = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];
                canvas.polygon(&corners(4.5, &around), colour);
            }
            Marker::Upwards => canvas.polygon(&corners(6.0, &[(0.0, -1.0), (1.0, 0.8), (-1.0, 0.8)]), colour),
            Marker::Downwards => {
                canvas.polygon(&corners(6.0, &[(0.0, 1.0), (1.0, -0.8), (-1.0, -0.8)]), colour);
            }
            Marker::Cross => {
                for ends in [[(-1.0, -1.0), (1.0, 1.0)], [(-1.0, 1.0), (1.0, -1.0)]] {
                    canvas.polyline(&corners(5.0, &ends), Line::Solid, 2.5, colour);
                }
            }
        }
    }
}

impl Look {
    /// A piece of the line of this width around `y`, with one marker, as a legend shows it.
    pub(crate) fn sample(self, canvas: &mut Canvas, left: f64, y: f64, width: f64) {
        let ends = [Point { x: left, y }, Point { x: left + width, y }];
        canvas.polyline(&ends, self.line, 2.5, self.colour);
        self.marker.draw(canvas, Point { x: left + width / 2.0, y }, self.colour);
    }
}
