//! How the values of one variable spread over the epochs, as TensorBoard's Distributions dashboard: bands between
//! parts of the values; knows nothing of layers or of the sheet around it.

use crate::axes;
use crate::canvas::{Anchor, Canvas, Frame, Line, Point, Type};
use crate::palette::{OLDEST, TRAINING};
use crate::percentiles::{self, BASIS_POINTS, Percentiles};
use crate::plot::{Axis, Plot};
use crate::ticks::Ticks;
use crate::variable::{self, PanelStyle, Variable};

/// More steps than this are thinned out evenly; TensorBoard's dashboard asks for as many.
const MOST_STEPS: usize = 501;

/// Which line bounds each band below, by its place in [`BASIS_POINTS`], how deep its shade is, and what it is called.
const BANDS: [(usize, f64, &str); 4] = [
    (0, 0.18, "smallest to largest"),
    (1, 0.36, "±1.5 σ (87 % of the values)"),
    (2, 0.58, "±1 σ (68 %)"),
    (3, 0.85, "±0.5 σ (38 %)"),
];
const MEDIAN: usize = BASIS_POINTS.len() / 2;

/// A step that has no neighbour is as wide, in pixels to both sides, where there is room.
const ALONE: f64 = 12.0;

const KEY: Type = Type::regular(15.0);

/// Height of the key.
pub(crate) const KEY_HEIGHT: f64 = 30.0;

/// Draws a variable into `panel`: its name and number of values, the bands, the darker the nearer to the median,
/// the axes of epochs and of values.
pub(crate) fn distributions(canvas: &mut Canvas, panel: Frame, variable: &Variable<'_>) {
    let style = PanelStyle::FULL;
    let steps = variable.thinned(MOST_STEPS);
    let found: Vec<(f64, Option<Percentiles>)> = steps
        .iter()
        .map(|&(step, histogram)| (axes::epoch(step.0) as f64, percentiles::percentiles(histogram)))
        .collect();
    variable.head(canvas, panel, &style);

    let plot = plot(style.data(panel), variable::epochs(&steps), &found, &style);
    plot.grid(canvas, panel.left + 12.0);
    let pieces: Vec<Vec<(f64, &Percentiles)>> = found
        .chunk_by(|a, b| a.1.is_some() && b.1.is_some())
        .map(|piece| piece.iter().filter_map(|(epoch, lines)| Some((*epoch, lines.as_ref()?))).collect())
        .collect();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        bands(canvas, &plot, piece);
    }
    if pieces.iter().all(Vec::is_empty) {
        variable::nothing_recorded(canvas, plot.frame, &style);
    }
}

/// What the shades stand for, in one line.
pub(crate) fn key(canvas: &mut Canvas, corner: Point) {
    let mut x = corner.x;
    let baseline = corner.y + 15.0;
    let mut named = |canvas: &mut Canvas, draw: &dyn Fn(&mut Canvas, Frame), text: &str| {
        let frame = Frame { left: x, top: corner.y, right: x + 28.0, bottom: corner.y + 20.0 };
        draw(canvas, frame);
        canvas.text(Point { x: frame.right + 8.0, y: baseline }, Anchor::Start, KEY, text);
        x = frame.right + 8.0 + KEY.width(text) + 24.0;
    };
    for (_, depth, text) in BANDS {
        named(canvas, &|canvas, frame| canvas.rectangle(frame, TRAINING.shade(depth)), text);
    }
    let line = |canvas: &mut Canvas, frame: Frame| {
        let y = f64::midpoint(frame.top, frame.bottom);
        let ends = [frame.left, frame.right].map(|x| Point { x, y });
        canvas.polyline(&ends, Line::Solid, 2.5, OLDEST);
    };
    named(canvas, &line, "median");
}

fn plot(data: Frame, epochs: (i64, i64), found: &[(f64, Option<Percentiles>)], style: &PanelStyle) -> Plot {
    /// Part of the span kept free above and below.
    const FREE: f64 = 0.03;
    let ends =
        found.iter().filter_map(|(_, lines)| lines.as_ref()).map(|lines| (lines[0], lines[2 * MEDIAN]));
    let (low, high) = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0.0, 0.0));
    let size = low.abs().max(high.abs());
    let (low, high) = axes::widened(low, high, if size > 0.0 { size * 0.1 } else { 1.0 });
    let free = (high - low) * FREE;
    let domain = (low - free, high + free);
    let values = Ticks::within(domain.0, domain.1, 7);
    let labels = values.labels();
    let widest = labels.iter().map(|label| style.tick.width(label)).fold(0.0, f64::max);
    let frame = Frame { left: data.left + 18.0 + widest + 10.0, right: data.right + 44.0, ..data };
    let y = Axis {
        domain,
        ticks: values.values.iter().copied().zip(labels).collect(),
        title: "value",
        inset: 0.0,
    };
    let ticks = Ticks::whole(epochs.0, epochs.1, 12);
    let x = Axis {
        domain: (epochs.0 as f64, epochs.1 as f64),
        ticks: ticks.values.iter().copied().zip(ticks.labels()).collect(),
        title: "epoch",
        inset: ALONE + 2.0,
    };
    Plot::in_frame(frame, x, y)
}

/// The bands of steps that follow each other, from the widest to the narrowest, and the median.
fn bands(canvas: &mut Canvas, plot: &Plot, steps: &[(f64, &Percentiles)]) {
    let epoch_width = plot.at(1.0, 0.0).x - plot.at(0.0, 0.0).x;
    let alone = if epoch_width > 0.0 { ALONE.min(epoch_width * 0.4) } else { ALONE };
    let line = |index: usize| -> Vec<Point> {
        let points = steps.iter().map(|&(epoch, lines)| plot.at(epoch, lines[index]));
        match steps {
            [_] => points.flat_map(|p| [-alone, alone].map(|aside| Point { x: p.x + aside, ..p })).collect(),
            _ => points.collect(),
        }
    };
    for (below, depth, _) in BANDS {
        let (lower, upper) = (line(below), line(2 * MEDIAN - below));
        let outline: Vec<Point> = lower.iter().copied().chain(upper.iter().rev().copied()).collect();
        // A band of no width is still a line.
        canvas.edged_polygon(&outline, TRAINING.shade(depth), TRAINING.shade(depth + 0.25));
    }
    canvas.polyline(&line(MEDIAN), Line::Solid, 2.5, OLDEST);
}

#[cfg(test)]
mod tests {
    use tensorboard::{Histogram, Step};

    use super::*;
    use crate::Figure;
    use crate::palette::tests::contrast;
    use crate::run::tests::assert_drawable;

    fn drawn(steps: &[Histogram]) -> Figure {
        let mut canvas = Canvas::new(600, 500);
        let variable = Variable { name: "kernel", steps: (0..).map(Step).zip(steps).collect() };
        distributions(&mut canvas, Frame { left: 10.0, top: 10.0, right: 590.0, bottom: 490.0 }, &variable);
        canvas.finish()
    }

    #[test]
    fn steps_without_values_are_gaps() {
        let some = Histogram::of(&[-1.0f32, 0.0, 0.5]);
        let none = Histogram::of::<f32>(&[]);
        let all = [some.clone(), some.clone(), none.clone(), some.clone(), none.clone()];
        let medians = |steps: &[Histogram]| drawn(steps).svg().matches(&OLDEST.to_string()).count();
        assert_eq!([&all[..0], &all[2..3], &all[..1], &all[..2], &all].map(medians), [0, 0, 1, 1, 2]);
        assert_drawable(&drawn(&all));
        assert!(drawn(&all[2..3]).svg().contains("no finite values recorded"));
        assert!(!drawn(&all).svg().contains("no finite values recorded"));
    }

    #[test]
    fn the_key_fits_and_names_all_bands() {
        let mut canvas = Canvas::new(1100, 40);
        key(&mut canvas, Point { x: axes::MARGIN, y: 5.0 });
        let svg = canvas.finish().svg().to_owned();
        let last: f64 =
            svg.rsplit("<text x=\"").next().and_then(|text| text.split('"').next()).unwrap().parse().unwrap();
        assert!(last + KEY.width("median") <= 1100.0 - axes::MARGIN, "{last}");
        for (below, depth, name) in BANDS {
            assert!(svg.contains(&TRAINING.shade(depth).to_string()), "{name}");
            // What the band's name says is the part between its lines.
            let part = f64::from(BASIS_POINTS[2 * MEDIAN - below] - BASIS_POINTS[below]) / 100.0;
            assert!(below == 0 || name.contains(&format!("({part:.0} %")), "{name}: {part}");
        }
    }

    #[test]
    fn bands_and_median_are_told_apart_in_both_themes() {
        let shades = BANDS.map(|(_, depth, _)| TRAINING.shade(depth));
        let ground = [crate::palette::PAPER].into_iter().chain(shades).chain([OLDEST]);
        let ground: Vec<_> = ground.collect();
        for pair in ground.windows(2) {
            let found = [contrast(pair[0], pair[1]), contrast(pair[0].on_dark(), pair[1].on_dark())];
            assert!(found.iter().all(|&found| found > 1.15), "{pair:?}: {found:?}");
        }
        for shade in shades {
            assert!(contrast(OLDEST.on_dark(), shade.on_dark()) >= 3.0, "{shade}");
        }
    }
}
