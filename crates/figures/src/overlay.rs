//! The histograms of one variable over each other on one axis, as TensorBoard's overlay view; knows nothing of
//! layers or of the sheet around it.

use tensorboard::{Histogram, Step};

use crate::axes::Scale;
use crate::canvas::{Anchor, Canvas, Frame, Line, Point};
use crate::numbers;
use crate::palette::{AXIS, PAPER};
use crate::plot::{Axis, Plot};
use crate::rebin::{self, Binned};
use crate::ticks::Ticks;
use crate::variable::{self, PanelStyle, Variable};

/// Width of the epochs' key, and how far it is from the data.
const KEY: (f64, f64) = (16.0, 14.0);

/// Draws a variable into `panel`: its name and number of values, a line a step, the axes of values and of counts,
/// and at the right which colour is which epoch. The newest step is in front, lightest and widest.
pub(crate) fn overlay(canvas: &mut Canvas, panel: Frame, variable: &Variable<'_>) {
    let style = PanelStyle::FULL;
    let steps = variable.thinned(style.most_steps);
    let histograms: Vec<&Histogram> = steps.iter().map(|&(_, histogram)| histogram).collect();
    let binned = rebin::rebin(&histograms);
    variable.head(canvas, panel, &style);

    let plot = plot(style.data(panel), &binned, &style);
    plot.grid(canvas, panel.left + 12.0);
    for index in (0..steps.len()).filter(|&index| binned.counts[index].iter().any(|&count| count > 0.0)) {
        let line: Vec<Point> = binned.outline(index).map(|(value, count)| plot.at(value, count)).collect();
        let width = if index + 1 == steps.len() { 3.0 } else { 1.6 };
        canvas.polyline(&line, Line::Solid, width, variable::step_colour(index, steps.len()));
    }
    if binned.peak() == 0.0 {
        variable::nothing_recorded(canvas, plot.frame, &style);
    }
    key(canvas, plot.frame, &steps, &style);
}

/// The axes in what the key leaves of the data's place.
fn plot(data: Frame, binned: &Binned, style: &PanelStyle) -> Plot {
    let peak = if binned.peak() > 0.0 { binned.peak() } else { 1.0 };
    let counts = Ticks::around(0.0, peak, 6);
    let labels: Vec<String> = counts.labels().iter().zip(&counts.values).map(count_label).collect();
    let widest = labels.iter().map(|label| style.tick.width(label)).fold(0.0, f64::max);
    let frame = Frame { left: data.left + 18.0 + widest + 10.0, ..data };
    let values = variable::value_ticks(binned.low, binned.high, frame.right - frame.left, style);
    let y = Axis {
        domain: (0.0, counts.values.last().copied().unwrap_or(peak)),
        ticks: counts.values.iter().copied().zip(labels).collect(),
        title: "count",
        inset: 0.0,
    };
    let x = Axis {
        domain: (binned.low, binned.high),
        ticks: values.values.iter().copied().zip(values.labels()).collect(),
        title: "value",
        inset: 0.0,
    };
    Plot::in_frame(frame, x, y)
}

/// Counts as they are written elsewhere: thousands set apart.
fn count_label((label, &value): (&String, &f64)) -> String {
    let is_plain = label.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { numbers::grouped(value) } else { label.clone() }
}

/// Which colour is which epoch: a field a step, the oldest above as in the offset view.
fn key(canvas: &mut Canvas, data: Frame, steps: &[(Step, &Histogram)], style: &PanelStyle) {
    let left = data.right + KEY.1;
    let right = left + KEY.0;
    let top = data.top + 24.0;
    // Fields are no higher than wide enough to be seen, so that two epochs are not half a panel each.
    let field = ((data.bottom - top) / steps.len().max(1) as f64).min(22.0);
    let bottom = top + field * steps.len() as f64;
    for index in 0..steps.len() {
        let above = top + field * index as f64;
        let frame = Frame { left, top: above, right, bottom: above + field };
        canvas.rectangle(frame, variable::step_colour(index, steps.len()));
    }
    // Between fields that are high enough: lines tell them apart that colours do not.
    for index in (1..steps.len()).filter(|_| field >= 8.0) {
        let y = top + field * index as f64;
        canvas.polyline(&[Point { x: left, y }, Point { x: right, y }], Line::Solid, 1.0, PAPER);
    }
    let title = style.titles.unwrap_or(style.tick);
    canvas.text(Point { x: left - 4.0, y: data.top + 10.0 }, Anchor::Start, title, "epoch");
    let (first, last) = variable::epochs(steps);
    let middles = Scale::new((first as f64, last as f64), (top + field / 2.0, bottom - field / 2.0));
    let ticks = variable::epoch_ticks((first, last), bottom - top, style);
    for (&epoch, label) in ticks.values.iter().zip(ticks.labels()) {
        if steps.is_empty() {
            continue;
        }
        let y = middles.at(epoch);
        canvas.polyline(&[Point { x: right, y }, Point { x: right + 4.0, y }], Line::Solid, 1.5, AXIS);
        canvas.text(
            Point { x: right + 8.0, y: y + 0.37 * style.tick.size },
            Anchor::Start,
            style.tick,
            &label,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Figure;
    use crate::run::tests::assert_drawable;

    fn drawn(steps: i64) -> Figure {
        let histograms: Vec<Histogram> = (0..steps)
            .map(|step| Histogram::of(&(0..2000).map(|i| (i % 37 * (step + 1)) as f32).collect::<Vec<_>>()))
            .collect();
        let mut canvas = Canvas::new(600, 500);
        let variable = Variable { name: "kernel", steps: (0..).map(Step).zip(&histograms).collect() };
        overlay(&mut canvas, Frame { left: 10.0, top: 10.0, right: 590.0, bottom: 490.0 }, &variable);
        canvas.finish()
    }

    #[test]
    fn each_step_has_a_line_and_its_colour_in_the_key() {
        for steps in [0, 1, 2, 10, 51] {
            let figure = drawn(steps as i64);
            assert_drawable(&figure);
            for index in 0..steps {
                let colour = variable::step_colour(index, steps);
                for mark in [format!("stroke=\"{colour}\""), format!("fill=\"{colour}\"")] {
                    assert!(figure.svg().contains(&mark), "step {index} of {steps}");
                }
            }
            // One field a step beside the sheet itself.
            assert_eq!(figure.svg().matches("<rect").count(), 1 + steps);
        }
        assert_eq!(drawn(70).svg().matches("<rect").count(), 1 + PanelStyle::FULL.most_steps);
    }

    #[test]
    fn counts_have_their_thousands_set_apart() {
        let check = |label: &str, value, expected: &str| {
            assert_eq!(count_label((&label.to_owned(), &value)), expected);
        };
        check("20000", 20_000.0, "20,000");
        check("0.5", 0.5, "0.5");
        check("2.0e6", 2e6, "2.0e6");
    }
}
