//! Which learning rate to begin with, from the losses of a few steps at growing rates (Smith, "Cyclical Learning
//! Rates for Training Neural Networks", 2017); knows nothing of networks.
//!
//! Train some steps, each at a rate that is a fixed factor above the last ([`rates`]); smooth their losses
//! ([`Smoothed`]) until they explode; [`suggest`] reads a rate from the curve.

/// The part of the past in a smoothed loss, as in fast.ai's finder.
const PAST: f64 = 0.98;
/// A smoothed loss of so many times the best ends the search, as in fast.ai's finder.
const EXPLODED: f64 = 4.0;
/// Points on either side of one whose slope is measured.
const REACH: usize = 2;
/// Points of a window: at the beginning of the curve, or around the one whose slope is measured.
const WINDOW: usize = 2 * REACH + 1;
/// The least fall from the beginning to the lowest point, in parts of the beginning, to be more than noise: the loss
/// of a batch of 32 at the start of training varies by about one percent.
const LEAST_FALL: f64 = 0.03;

/// `steps` rates from `lowest` to `highest`, each the same factor above the last; none unless both are numbers above
/// 0, in this order.
pub fn rates(lowest: f64, highest: f64, steps: usize) -> Vec<f64> {
    if !(lowest > 0.0 && highest > lowest && highest.is_finite()) {
        return Vec::new();
    }
    let range = libm::log(highest / lowest);
    let share = |step: usize| step as f64 / steps.saturating_sub(1).max(1) as f64;
    (0..steps).map(|step| (lowest * libm::exp(range * share(step))).min(highest)).collect()
}

/// The mean of losses so far, of which the last ones count most: an exponential mean without its pull towards the
/// 0 that it begins with.
#[derive(Clone, Copy, Debug)]
pub struct Smoothed {
    mean: f64,
    /// What the past still weighs of the 0 at the beginning: 0.98 to the number of losses.
    weight: f64,
    best: f64,
}

impl Default for Smoothed {
    fn default() -> Self {
        Self { mean: 0.0, weight: 1.0, best: f64::INFINITY }
    }
}

impl Smoothed {
    /// Takes a loss; gives the smoothed one.
    pub fn add(&mut self, loss: f64) -> f64 {
        self.mean = PAST * self.mean + (1.0 - PAST) * loss;
        self.weight *= PAST;
        let smoothed = self.loss();
        self.best = self.best.min(smoothed);
        smoothed
    }

    /// The smoothed loss; NaN before the first.
    pub fn loss(&self) -> f64 {
        self.mean / (1.0 - self.weight)
    }

    /// Whether to go no further: the loss is above four times its best, or no number.
    pub fn exploded(&self) -> bool {
        self.weight < 1.0 && !(self.loss() <= EXPLODED * self.best && self.loss().is_finite())
    }
}

/// The rate to begin with, from `(rate, smoothed loss)` in the order of the rates: where the loss falls most steeply
/// over the logarithm of the rate, but not above a tenth of the rate with the lowest loss.
///
/// The steepest point is fast.ai's classic choice; on curves that are smoothed so much, it can lie just before the
/// lowest, where training is about to diverge, and the tenth (fast.ai's other choice) keeps away from there.
/// `None` if the curve does not fall, or its lowest is among the first four points. Points that are no numbers are
/// left out.
pub fn suggest(curve: &[(f64, f64)]) -> Option<f64> {
    let usable = |&&(rate, loss): &&(f64, f64)| rate > 0.0 && rate.is_finite() && loss.is_finite();
    let points: Vec<(f64, f64)> =
        curve.iter().filter(usable).map(|&(rate, loss)| (libm::log(rate), loss)).collect();
    let lowest = (0..points.len()).reduce(|best, i| if points[i].1 < points[best].1 { i } else { best })?;
    let beginning = points.get(..WINDOW)?.iter().map(|point| point.1).sum::<f64>() / WINDOW as f64;
    if beginning - points[lowest].1 <= LEAST_FALL * beginning.abs() {
        return None;
    }
    let slopes = points[..=lowest].windows(WINDOW).map(slope).enumerate();
    let steepest = slopes.filter(|(_, slope)| *slope < 0.0).min_by(|(_, a), (_, b)| a.total_cmp(b));
    let (window, _) = steepest?;
    let rate = libm::exp(points[window + REACH].0);
    Some(rate.min(libm::exp(points[lowest].0) / 10.0))
}

/// The least-squares slope of some points; NaN if all lie one above the other.
fn slope(points: &[(f64, f64)]) -> f64 {
    let mean = |part: fn(&(f64, f64)) -> f64| points.iter().map(part).sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let products: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let squares: f64 = points.iter().map(|point| (point.0 - x) * (point.0 - x)).sum();
    products / squares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(found: f64, expect: f64) {
        assert!((found / expect - 1.0).abs() < 1e-9, "{found} is not {expect}");
    }

    #[test]
    fn rates_grow_by_a_factor() {
        let found = rates(1e-4, 1.0, 5);
        assert_eq!(found.len(), 5);
        found.iter().zip([1e-4, 1e-3, 1e-2, 1e-1, 1.0]).for_each(|(&found, expect)| close(found, expect));
        assert_eq!(rates(0.5, 1.0, 1), [0.5]);
        for (lowest, highest) in [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            assert!(rates(lowest, highest, 5).is_empty());
        }
        assert!(rates(1e-4, 1.0, 0).is_empty());
    }

    #[test]
    fn smoothing_by_hand() {
        let mut smoothed = Smoothed::default();
        assert!(smoothed.loss().is_nan() && !smoothed.exploded());
        // The first loss is itself; then 0.98 * 0.02 * 2 + 0.02 * 4 over 1 - 0.98^2, which is 0.0396.
        close(smoothed.add(2.0), 2.0);
        close(smoothed.add(4.0), (0.98 * 0.02 * 2.0 + 0.02 * 4.0) / 0.0396);
        // What never changes stays.
        let mut smoothed = Smoothed::default();
        (0..500).for_each(|_| close(smoothed.add(0.7), 0.7));
    }

    #[test]
    fn a_search_ends_when_the_loss_explodes() {
        let ends = |losses: &[f64]| {
            let mut smoothed = Smoothed::default();
            losses.iter().position(|&loss| {
                smoothed.add(loss);
                smoothed.exploded()
            })
        };
        assert_eq!(ends(&[2.0, 1.9, 1.8, 1.9, 2.5, 4.0]), None);
        // (0.98 * 1 + 7) / 1.98 is 4.03; with 6.9 it is 3.98.
        assert_eq!(ends(&[1.0, 7.0]), Some(1));
        assert_eq!(ends(&[1.0, 6.9]), None);
        assert_eq!(ends(&[1.0, f64::NAN]), Some(1));
        assert_eq!(ends(&[f64::INFINITY]), Some(0));
    }

    /// A curve over rates from 1e-6 to 1, twenty a power of ten, from the power.
    fn curve(loss: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        rates(1e-6, 1.0, 121).into_iter().map(|rate| (rate, loss(rate.log10()))).collect()
    }

    /// From 1 to 0, steepest at `middle`.
    fn fall(power: f64, middle: f64) -> f64 {
        1.0 / (1.0 + (4.0 * (power - middle)).exp())
    }

    #[test]
    fn where_it_falls_most_steeply() {
        // Lowest at 0.1, steepest at 0.001.
        let found = curve(|power| 1.0 + fall(power, -3.0) + (power + 1.0).max(0.0));
        close(suggest(&found).unwrap(), 1e-3);
        // Numbers that are none are left out, as after a loss that exploded.
        let mut longer = found.clone();
        longer.extend([(2.0, f64::NAN), (3.0, f64::INFINITY)]);
        assert_eq!(suggest(&longer), suggest(&found));
        // A stray low point at the steepest place moves it by no more than the window.
        let mut stray = found;
        stray[60].1 -= 0.05;
        let moved = (suggest(&stray).unwrap().log10() + 3.0) * 20.0;
        assert!(moved.abs() <= WINDOW as f64, "{moved}");
    }

    #[test]
    fn no_more_than_a_tenth_of_the_lowest() {
        // It falls steeper and steeper, to explode at 0.01.
        let found = curve(|power| if power < -1.99 { 2.0 - (power + 6.0).powi(2) / 16.0 } else { 9.0 });
        close(suggest(&found).unwrap(), 1e-3);
    }

    #[test]
    fn a_curve_that_does_not_fall_suggests_nothing() {
        let check = |curve: &[(f64, f64)]| assert_eq!(suggest(curve), None);
        check(&[]);
        check(&curve(|_| 2.3));
        check(&curve(|power| 2.3 + (power + 6.0) * 0.1));
        check(&curve(|_| f64::NAN));
        // Noise of a percent.
        check(&curve(|power| 2.3 + 0.02 * (power * 40.0).sin()));
        // Fewer than five points, or all at one rate.
        check(&curve(|power| -power)[..4]);
        check(&[(0.1, 3.0), (0.1, 2.0), (0.1, 1.0), (0.1, 0.5), (0.1, 0.25)]);
    }

    proptest! {
        #[test]
        fn a_suggestion_lies_below_the_lowest_loss(
            losses in prop::collection::vec(prop_oneof![9 => 0.1..5.0f64, 1 => any::<f64>()], 0..60),
        ) {
            let points: Vec<_> = rates(1e-6, 1.0, losses.len()).into_iter().zip(losses).collect();
            if let Some(rate) = suggest(&points) {
                let finite = points.iter().filter(|point| point.1.is_finite());
                let lowest = finite.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0;
                prop_assert!(rate > 0.0 && rate <= lowest / 10.0 * (1.0 + 1e-9), "{} {}", rate, lowest);
            }
        }

        /// The unit of the loss is no matter.
        #[test]
        fn scale_changes_nothing(losses in prop::collection::vec(0.1..5.0f64, 60)) {
            let points: Vec<_> = rates(1e-6, 1.0, 60).into_iter().zip(losses).collect();
            let scaled: Vec<_> = points.iter().map(|&(rate, loss)| (rate, loss * 8.0)).collect();
            prop_assert_eq!(suggest(&points), suggest(&scaled));
        }
    }
}
