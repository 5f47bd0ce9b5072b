//! Which learning rate to begin with, from the losses of a few steps at growing rates (Smith, "Cyclical Learning
//! Rates for Training Neural Networks", 2017); knows nothing of networks.
//!
//! Train some steps, each at a rate that is a fixed factor above the last ([`rates`]); smooth their losses
//! ([`Smoothed`]) until they explode; [`suggest`] reads a rate from the curve.

/// The part of the past in a smoothed loss. fast.ai's 0.98 looks back over fifty losses, which is too far in a search
/// of some hundred steps.
const PAST: f64 = 0.95;
/// A smoothed loss of so many times the best ends the search, as in fast.ai's finder.
const EXPLODED: f64 = 4.0;
/// Points at the beginning that do not count: they are means of too few losses. As in fast.ai's plots.
const UNSETTLED: usize = 10;
/// The least fall of the curve, in parts of where it begins, to be more than noise: losses of batches of 32 vary by
/// one percent before anything is learned, and smoothed ones fall by 1.5 in one of 200 searches at most.
const LEAST_FALL: f64 = 0.015;
/// How far below the rate with the lowest loss to stay: there, training is about to diverge. As in fast.ai's finder.
const BELOW_LOWEST: f64 = 10.0;

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
    /// What is left of the 0 at the beginning: `PAST` to the power of the number of losses.
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

/// The rate to begin with, from `(rate, smoothed loss)` in the order of the rates: a tenth of the one with the lowest
/// loss. `None` if the curve does not fall. The first ten points are left out, and those that are no numbers.
///
/// Not the rate where the loss falls most steeply, fast.ai's other choice: of real curves that is above this one, or
/// somewhere in the noise. Of 16 searches on the tutorial's network with Adam (rates from 1e-6 to 1, 200 or 400 steps,
/// batches of 32 or 128) each suggested a rate between 3.5e-4 and 1.4e-3, Keras' default being 1e-3; of 100 steps with
/// batches of 32 none did. Plain SGD (to 10) learns too slowly: of four searches of 400 steps with batches of 128 all
/// suggested something, 0.016 to 0.032, of those with fewer steps none.
pub fn suggest(curve: &[(f64, f64)]) -> Option<f64> {
    let usable = |&&(rate, loss): &&(f64, f64)| rate > 0.0 && rate.is_finite() && loss.is_finite();
    let mut points = curve.iter().skip(UNSETTLED).filter(usable);
    let &first = points.next()?;
    let lowest = points.fold(first, |lowest, &point| if point.1 < lowest.1 { point } else { lowest });
    let fell = first.1 - lowest.1 > LEAST_FALL * first.1.abs();
    fell.then_some(lowest.0 / BELOW_LOWEST)
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
        // The first loss is itself; then 0.95 * 0.05 * 2 + 0.05 * 4 over 1 - 0.95^2, which is 0.0975.
        close(smoothed.add(2.0), 2.0);
        close(smoothed.add(4.0), (0.95 * 0.05 * 2.0 + 0.05 * 4.0) / 0.0975);
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
        // (0.95 * 1 + 6.9) / 1.95 is 4.03; with 6.8 it is 3.97.
        assert_eq!(ends(&[1.0, 6.9]), Some(1));
        assert_eq!(ends(&[1.0, 6.8]), None);
        assert_eq!(ends(&[1.0, f64::NAN]), Some(1));
        assert_eq!(ends(&[f64::INFINITY]), Some(0));
    }

    /// A curve over rates from 1e-6 to 1, twenty a power of ten, from the power.
    fn curve(loss: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        rates(1e-6, 1.0, 121).into_iter().map(|rate| (rate, loss(rate.log10()))).collect()
    }

    #[test]
    fn a_tenth_of_the_lowest() {
        let found = curve(|power| 1.0 + (power + 2.0).abs());
        close(suggest(&found).unwrap(), 1e-3);
        // Numbers that are none are left out, as after a loss that exploded; so is what is low at the beginning.
        let mut longer = found;
        longer.extend([(2.0, f64::NAN), (3.0, f64::INFINITY), (f64::NAN, 0.0)]);
        longer[..UNSETTLED].iter_mut().for_each(|point| point.1 = 0.0);
        close(suggest(&longer).unwrap(), 1e-3);
    }

    /// Losses of the tutorial's network (seed 0) in a search with Adam, a hundred rates from 1e-6 to 1, on batches of
    /// 128 of the pictures of the Keras trace, until one was above 20.
    const SEARCH: [f64; 80] = [
        2.319, 2.292, 2.303, 2.294, 2.302, 2.310, 2.317, 2.311, 2.300, 2.300, 2.298, 2.320, 2.318, 2.292,
        2.302, 2.294, 2.301, 2.310, 2.317, 2.311, 2.299, 2.299, 2.297, 2.319, 2.317, 2.291, 2.300, 2.292,
        2.298, 2.306, 2.313, 2.308, 2.296, 2.294, 2.295, 2.310, 2.308, 2.285, 2.291, 2.284, 2.285, 2.291,
        2.306, 2.300, 2.276, 2.270, 2.287, 2.282, 2.285, 2.252, 2.245, 2.236, 2.205, 2.208, 2.294, 2.151,
        2.095, 2.096, 2.319, 2.562, 2.294, 2.232, 2.209, 2.202, 2.195, 2.173, 2.224, 2.135, 2.111, 2.132,
        2.137, 2.258, 2.591, 2.681, 6.222, 2.306, 2.383, 2.298, 2.437, 32.794,
    ];

    #[test]
    fn a_real_search() {
        let mut smoothed = Smoothed::default();
        let points: Vec<_> = rates(1e-6, 1.0, 100)
            .into_iter()
            .zip(SEARCH)
            .map(|(rate, loss)| (rate, smoothed.add(loss)))
            .collect();
        close(suggest(&points).unwrap(), 10f64.powf(-6.0 + 6.0 * 70.0 / 99.0) / 10.0);
        // Before the loss falls, there is nothing to suggest.
        assert_eq!(suggest(&points[..50]), None);
    }

    #[test]
    fn a_curve_that_does_not_fall_suggests_nothing() {
        let check = |curve: &[(f64, f64)]| assert_eq!(suggest(curve), None);
        check(&[]);
        check(&curve(|_| 2.3));
        check(&curve(|power| 2.3 + (power + 6.0) * 0.1));
        check(&curve(|_| f64::NAN));
        // By less than noise does.
        check(&curve(|power| 2.3 - 0.005 * (power + 6.0)));
        // Among the points that do not count.
        check(&curve(|power| -power)[..=UNSETTLED]);
    }

    proptest! {
        #[test]
        fn a_suggestion_is_a_tenth_of_the_lowest(
            losses in prop::collection::vec(prop_oneof![9 => 0.1..5.0f64, 1 => any::<f64>()], 0..60),
        ) {
            let points: Vec<_> = rates(1e-6, 1.0, losses.len()).into_iter().zip(losses).collect();
            if let Some(rate) = suggest(&points) {
                let (_, lowest) = points.iter().find(|point| point.0 / 10.0 == rate).unwrap();
                let mut counted = points.iter().skip(UNSETTLED).filter(|point| point.1.is_finite());
                prop_assert!(counted.all(|(_, loss)| loss >= lowest), "{}", rate);
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
