//! Nice numbers for axes: where ticks sit and how they are written; knows nothing of pixels.

use crate::numbers;

/// More ticks than this on one axis are never asked for; a guard against steps lost to rounding.
const MOST: f64 = 200.0;

/// Evenly spaced ticks at multiples of 1, 2 or 5 times a power of ten.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ticks {
    pub(crate) values: Vec<f64>,
    /// Power of ten of the distance between two ticks.
    exponent: i32,
}

impl Ticks {
    /// About `wanted` ticks, all within `low..=high` (finite, `low < high`).
    pub(crate) fn within(low: f64, high: f64, wanted: u32) -> Ticks {
        let step = Step::for_span(high - low, wanted);
        // A bound that is a multiple but for rounding counts as within.
        let slack = 1e-9;
        step.multiples((step.count(low) - slack).ceil(), (step.count(high) + slack).floor())
    }

    /// About `wanted` ticks, the first at most `low` and the last at least `high` (finite, `low < high`).
    pub(crate) fn around(low: f64, high: f64, wanted: u32) -> Ticks {
        let step = Step::for_span(high - low, wanted);
        let slack = 1e-9;
        step.multiples((step.count(low) + slack).floor(), (step.count(high) - slack).ceil())
    }

    /// Whole numbers within `first..=last`, about `wanted` at most: multiples of a nice step, and `first`
    /// itself where it does not crowd the next.
    pub(crate) fn whole(first: i64, last: i64, wanted: u32) -> Ticks {
        if last <= first {
            return Ticks { values: vec![first as f64], exponent: 0 };
        }
        let step = Step::for_span(last as f64 - first as f64, wanted);
        let step = if step.exponent < 0 { Step { digit: 1.0, exponent: 0 } } else { step };
        let mut ticks = step.multiples(step.count(first as f64).ceil(), step.count(last as f64).floor());
        let crowded = |next: f64| next - first as f64 <= step.size() * 0.5;
        if ticks.values.first().is_none_or(|&next| next != first as f64 && !crowded(next)) {
            ticks.values.insert(0, first as f64);
        }
        Ticks { exponent: 0, ..ticks }
    }

    /// What stands at each tick: all with the same number of decimals, or all as `1.5e-7` where that is shorter.
    pub(crate) fn labels(&self) -> Vec<String> {
        let largest = self.values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        // Many decimals are short beside the digits before them: 1.0000005 is not 1.0000005e0.
        let plain = (self.exponent >= -5 || largest >= 0.1) && largest < 1e6;
        let label = |&value: &f64| match value {
            0.0 => "0".to_owned(),
            _ if plain => numbers::fixed(value, self.exponent.min(0).unsigned_abs() as usize),
            _ => {
                let digits = (numbers::magnitude(value) - self.exponent).clamp(0, 12);
                numbers::scientific(value, digits.unsigned_abs() as usize)
            }
        };
        self.values.iter().map(label).collect()
    }
}

/// `digit * 10^exponent`, digit one of 1, 2, 5.
#[derive(Clone, Copy)]
struct Step {
    digit: f64,
    exponent: i32,
}

impl Step {
    /// The smallest nice step that needs at most `wanted` steps to cover `span`.
    fn for_span(span: f64, wanted: u32) -> Step {
        let rough = span / f64::from(wanted.max(1));
        let exponent = numbers::magnitude(rough);
        let rough_digit = rough / libm::pow(10.0, f64::from(exponent));
        // Rounding in the division must not push 2.0000000000000004 to 5.
        let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| rough_digit <= digit * (1.0 + 1e-9));
        match digit {
            Some(digit) => Step { digit, exponent },
            None => Step { digit: 1.0, exponent: exponent + 1 },
        }
    }

    fn size(self) -> f64 {
        self.times(1.0)
    }

    /// `count` steps. Dividing by a whole power of ten gives 0.3, where multiplying by 0.1 would not.
    fn times(self, count: f64) -> f64 {
        let power = libm::pow(10.0, f64::from(self.exponent.abs()));
        if self.exponent < 0 { count * self.digit / power } else { count * self.digit * power }
    }

    /// How many steps `value` is from zero, not rounded.
    fn count(self, value: f64) -> f64 {
        value / self.size()
    }

    fn multiples(self, first: f64, last: f64) -> Ticks {
        let number = (last - first).clamp(-1.0, MOST) as i32 + 1;
        // Adding zero turns -0 into 0.
        let values = (0..number).map(|i| self.times(first + f64::from(i)) + 0.0).collect();
        Ticks { values, exponent: self.exponent }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(ticks: &Ticks, labels: &[&str]) {
        assert_eq!(ticks.labels(), labels);
    }

    #[test]
    fn ticks_within() {
        check(&Ticks::within(0.0, 1.0, 5), &["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(&Ticks::within(-0.31, 0.42, 6), &["−0.2", "0", "0.2", "0.4"]);
        check(&Ticks::within(-0.0012, 0.0009, 5), &["−0.0010", "−0.0005", "0", "0.0005"]);
        check(&Ticks::within(3.0, 17.0, 7), &["4", "6", "8", "10", "12", "14", "16"]);
        check(&Ticks::within(-2e-8, 2e-8, 4), &["−2e−8", "−1e−8", "0", "1e−8", "2e−8"]);
        check(&Ticks::within(1.0, 1.000_001, 2), &["1.0000000", "1.0000005", "1.0000010"]);
        check(&Ticks::within(0.0, 2.5e9, 5), &["0", "5e8", "1.0e9", "1.5e9", "2.0e9", "2.5e9"]);
    }

    #[test]
    fn ticks_around() {
        check(&Ticks::around(46.1, 72.9, 6), &["45", "50", "55", "60", "65", "70", "75"]);
        check(&Ticks::around(0.8, 1.52, 6), &["0.8", "1.0", "1.2", "1.4", "1.6"]);
        check(&Ticks::around(31.0, 37.5, 7), &["31", "32", "33", "34", "35", "36", "37", "38"]);
        check(&Ticks::around(40.0, 60.0, 4), &["40", "45", "50", "55", "60"]);
    }

    #[test]
    fn whole_ticks() {
        check(&Ticks::whole(1, 1, 12), &["1"]);
        check(&Ticks::whole(1, 2, 12), &["1", "2"]);
        check(&Ticks::whole(1, 10, 12), &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
        check(&Ticks::whole(1, 100, 10), &["1", "10", "20", "30", "40", "50", "60", "70", "80", "90", "100"]);
        check(&Ticks::whole(1, 37, 10), &["1", "5", "10", "15", "20", "25", "30", "35"]);
        check(&Ticks::whole(7, 11, 10), &["7", "8", "9", "10", "11"]);
        check(&Ticks::whole(-3, 1, 10), &["−3", "−2", "−1", "0", "1"]);
    }

    proptest! {
        #[test]
        fn ticks_cover_what_they_should(low in -1e9f64..1e9, span in 1e-3f64..1e9, wanted in 3u32..12) {
            let high = low + span;
            let around = Ticks::around(low, high, wanted).values;
            let slack = span * 1e-6;
            prop_assert!(around[0] <= low + slack && around[around.len() - 1] >= high - slack);
            prop_assert!(around.len() as u32 <= wanted + 2, "{around:?}");
            let within = Ticks::within(low, high, wanted).values;
            prop_assert!(within.iter().all(|v| (low - slack..=high + slack).contains(v)), "{within:?}");
            prop_assert!(!within.is_empty());
        }

        #[test]
        fn labels_tell_ticks_apart(low in -1e6f64..1e6, span in 1e-2f64..1e6) {
            let mut labels = Ticks::within(low, low + span, 6).labels();
            let number = labels.len();
            labels.dedup();
            prop_assert_eq!(labels.len(), number);
        }
    }
}
