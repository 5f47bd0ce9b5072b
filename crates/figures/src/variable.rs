//! A variable of a layer and what every panel of its histograms shares: its name, how many values it has, which of
//! its steps are drawn, and how large everything is; knows nothing of how histograms are drawn.

use tensorboard::{Histogram, Step};

use crate::axes::{self, AXIS_TITLE, TICK};
use crate::canvas::{Anchor, Canvas, Frame, Point, Type};
use crate::numbers;
use crate::palette::{self, FAINT_INK, Rgb};
use crate::ticks::Ticks;

/// A variable of a layer, such as its kernel, and its histogram at each step, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Variable<'a> {
    pub(crate) name: &'a str,
    pub(crate) steps: Vec<(Step, &'a Histogram)>,
}

/// How large a panel's texts are and what it has besides the data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PanelStyle {
    name: Type,
    remark: Type,
    pub(crate) tick: Type,
    /// The titles of the axes, where there are any.
    pub(crate) titles: Option<Type>,
    /// With more steps than this, they are thinned out evenly.
    pub(crate) most_steps: usize,
    /// What the data leave free at the left, above, at the right and below, in pixels.
    margins: [f64; 4],
}

impl PanelStyle {
    /// Of a picture of one layer.
    pub(crate) const FULL: PanelStyle = PanelStyle {
        name: Type::bold(18.0),
        remark: Type::regular(15.0).coloured(FAINT_INK),
        tick: TICK,
        titles: Some(AXIS_TITLE),
        // TensorBoard's histogram dashboard asks for as many.
        most_steps: 51,
        margins: [16.0, 46.0, 72.0, 68.0],
    };

    /// One of many on a page.
    pub(crate) const SMALL: PanelStyle = PanelStyle {
        name: Type::regular(14.0),
        remark: Type::regular(13.0).coloured(FAINT_INK),
        tick: Type::regular(12.0).coloured(FAINT_INK),
        titles: None,
        most_steps: 20,
        margins: [10.0, 28.0, 44.0, 30.0],
    };

    /// Where the data of a panel are.
    pub(crate) fn data(&self, panel: Frame) -> Frame {
        let [left, top, right, bottom] = self.margins;
        Frame {
            left: panel.left + left,
            top: panel.top + top,
            right: panel.right - right,
            bottom: panel.bottom - bottom,
        }
    }
}

impl Variable<'_> {
    /// Writes name and number of values at the top of a panel.
    pub(crate) fn head(&self, canvas: &mut Canvas, panel: Frame, style: &PanelStyle) {
        let at = Point { x: panel.left + style.margins[0], y: panel.top + style.name.size + 4.0 };
        let name = style.name.fitted(self.name, (panel.right - panel.left) * 0.5);
        canvas.text(at, Anchor::Start, style.name, &name);
        let left = at.x + style.name.width(&name) + 12.0;
        let remark = style.remark.fitted(&self.size(), panel.right - left);
        canvas.text(Point { x: left, ..at }, Anchor::Start, style.remark, &remark);
    }

    /// How many values the variable has, and how many of them are at worst in no bucket. A variable keeps its
    /// size, so that a step with fewer values than another had values that were not finite.
    fn size(&self) -> String {
        let totals =
            || self.steps.iter().map(|(_, histogram)| histogram.total()).filter(|total| total.is_finite());
        let most = totals().fold(0.0, f64::max);
        let missing = totals().map(|total| most - total).fold(0.0, f64::max);
        let values = format!("{} {}", numbers::grouped(most), if most == 1.0 { "value" } else { "values" });
        if missing < 1.0 {
            values
        } else {
            format!("{values}, up to {} not finite", numbers::grouped(missing))
        }
    }

    /// At most so many of the steps, evenly spread, the first and the last among them.
    pub(crate) fn thinned(&self, most: usize) -> Vec<(Step, &Histogram)> {
        let number = self.steps.len();
        if number <= most {
            return self.steps.clone();
        }
        (0..most).map(|i| self.steps[i * (number - 1) / (most - 1).max(1)]).collect()
    }
}

/// The colour of one of so many steps: the oldest is dark, the newest light.
pub(crate) fn step_colour(index: usize, steps: usize) -> Rgb {
    palette::ramp(if steps > 1 { index as f64 / (steps - 1) as f64 } else { 1.0 })
}

/// The epochs of the first and of the last step.
pub(crate) fn epochs(steps: &[(Step, &Histogram)]) -> (i64, i64) {
    let epoch = |step: Option<&(Step, &Histogram)>| step.map_or(1, |(step, _)| axes::epoch(step.0));
    (epoch(steps.first()), epoch(steps.last()))
}

/// Ticks of the epochs along so many pixels from top to bottom.
pub(crate) fn epoch_ticks((first, last): (i64, i64), pixels: f64, style: &PanelStyle) -> Ticks {
    Ticks::whole(first, last, (pixels / (style.tick.size * 1.1)).clamp(1.0, 13.0) as u32)
}

/// Ticks of the values along so many pixels from left to right, as many as have room.
pub(crate) fn value_ticks(low: f64, high: f64, pixels: f64, style: &PanelStyle) -> Ticks {
    /// Between two labels.
    const GAP: f64 = 12.0;
    let fits = |ticks: &Ticks| {
        let [first, second, ..] = ticks.values[..] else { return true };
        let widest = ticks.labels().iter().map(|label| style.tick.width(label)).fold(0.0, f64::max);
        widest + GAP <= (second - first) / (high - low) * pixels
    };
    let fewest = || Ticks::within(low, high, 1);
    (2..=6).rev().map(|wanted| Ticks::within(low, high, wanted)).find(fits).unwrap_or_else(fewest)
}

/// Says in the middle of a panel's data that there are none.
pub(crate) fn nothing_recorded(canvas: &mut Canvas, data: Frame, style: &PanelStyle) {
    let middle = Point { x: f64::midpoint(data.left, data.right), y: f64::midpoint(data.top, data.bottom) };
    let text = style.titles.unwrap_or(style.tick).coloured(FAINT_INK);
    canvas.text(middle, Anchor::Middle, text, "no finite values recorded");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_went_missing_are_told() {
        let steps: Vec<Histogram> =
            [vec![0.5f32; 1200], vec![0.25; 1200], [vec![f32::NAN; 3], vec![1.0; 1197]].concat()]
                .into_iter()
                .map(|values| Histogram::of(&values))
                .collect();
        let variable = |number: usize| {
            let steps = (0..).map(Step).zip(&steps[..number]).collect();
            Variable { name: "kernel", steps }.size()
        };
        assert_eq!(variable(0), "0 values");
        assert_eq!(variable(2), "1,200 values");
        assert_eq!(variable(3), "1,200 values, up to 3 not finite");
    }

    #[test]
    fn many_steps_are_thinned_evenly() {
        let histogram = Histogram { buckets: Vec::new(), non_finite: 0 };
        for number in [0, 1, 51, 52, 100, 1000] {
            let steps: Vec<_> = (0..number).map(|step| (Step(step), &histogram)).collect();
            let variable = Variable { name: "", steps: steps.clone() };
            let kept: Vec<i64> = variable.thinned(51).iter().map(|(step, _)| step.0).collect();
            assert_eq!(kept.len(), steps.len().min(51));
            assert_eq!(
                (kept.first(), kept.last()),
                (steps.first().map(|s| &s.0.0), steps.last().map(|s| &s.0.0))
            );
            assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }

    #[test]
    fn labels_of_values_never_run_into_each_other() {
        for style in [PanelStyle::FULL, PanelStyle::SMALL] {
            for pixels in [60.0, 200.0, 448.0] {
                for (low, high) in [(0.0, 1.0), (-3.4e38, 3.4e38), (-1.23e-4, 4e-4), (0.999_999, 1.000_001)] {
                    let ticks = value_ticks(low, high, pixels, &style);
                    let scale = axes::Scale::new((low, high), (0.0, pixels));
                    let labels = ticks.labels();
                    let places: Vec<(f64, f64)> = ticks
                        .values
                        .iter()
                        .zip(&labels)
                        .map(|(&value, label)| (scale.at(value), style.tick.width(label)))
                        .collect();
                    let apart = |pair: &[(f64, f64)]| pair[1].0 - pair[0].0 > (pair[0].1 + pair[1].1) / 2.0;
                    assert!(places.len() < 3 || places.windows(2).all(apart), "{pixels} {labels:?}");
                }
            }
        }
    }
}
