//! Where the parts of a histogram lie, as TensorBoard's Distributions dashboard has them; knows nothing of pictures.

use tensorboard::{Bucket, Histogram};

use crate::rebin;

/// The parts of the values that lie below each line, in ten thousandths: those of a normal distribution at 1.5, 1
/// and 0.5 standard deviations to both sides, its median and its ends (TensorBoard's `NORMAL_HISTOGRAM_BPS`).
pub(crate) const BASIS_POINTS: [u32; 9] = [0, 668, 1587, 3085, 5000, 6915, 8413, 9332, 10_000];

/// The values of the [`BASIS_POINTS`], never decreasing.
pub(crate) type Percentiles = [f64; BASIS_POINTS.len()];

/// Finds the values below which the parts lie, on a straight line within each bucket, as TensorBoard's
/// `compress_histogram` does. `None` where no bucket holds anything.
///
/// It departs from TensorBoard only where that draws nothing sensible: buckets that hold nothing do not reach
/// out the ends, a non-finite edge is the other edge of its bucket, and buckets that overlap count one after the
/// other.
pub(crate) fn percentiles(histogram: &Histogram) -> Option<Percentiles> {
    let mut buckets = rebin::drawable(&histogram.buckets);
    buckets.sort_by(|a, b| a.left.total_cmp(&b.left).then(a.right.total_cmp(&b.right)));
    let total: f64 = buckets.iter().map(|bucket| bucket.count).sum();
    let last = buckets.iter().map(|bucket| bucket.right).reduce(f64::max)?;
    let mut found = [last; BASIS_POINTS.len()];
    for (value, point) in found.iter_mut().zip(BASIS_POINTS) {
        *value = below(&buckets, total, f64::from(point) / 10_000.0).unwrap_or(last).min(last);
    }
    // Only overlapping buckets, and rounding, ever go back.
    for index in 1..found.len() {
        found[index] = found[index].max(found[index - 1]);
    }
    Some(found)
}

/// The value below which a part of all values lies; `None` where that is all of them.
fn below(buckets: &[Bucket], total: f64, part: f64) -> Option<f64> {
    // The parts may sum to more than 1 by rounding.
    if part >= 1.0 {
        return None;
    }
    let mut before = 0.0;
    for bucket in buckets {
        // Parts of the whole, so that huge counts do not overflow.
        let upto = before + bucket.count / total;
        if upto > part {
            let along = ((part - before) / (upto - before)).clamp(0.0, 1.0);
            return Some(bucket.left + (bucket.right - bucket.left) * along);
        }
        before = upto;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram(buckets: &[(f64, f64, f64)]) -> Histogram {
        let buckets = buckets.iter().map(|&(left, right, count)| Bucket { left, right, count }).collect();
        Histogram { buckets, non_finite: 0 }
    }

    #[track_caller]
    fn check(buckets: &[(f64, f64, f64)], expected: Percentiles) {
        let found = percentiles(&histogram(buckets)).unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} is not {expected}");
        }
    }

    #[test]
    fn parts_lie_on_a_line_within_their_bucket() {
        // One bucket: the parts themselves.
        let parts = BASIS_POINTS.map(|point| f64::from(point) / 10_000.0);
        check(&[(0.0, 1.0, 7.0)], parts);
        check(&[(-2.0, 2.0, 1.0)], parts.map(|part| 4.0 * part - 2.0));
        // Half of the values below 1, half up to 11. What lies on the edge begins the next bucket.
        check(
            &[(0.0, 1.0, 2.0), (1.0, 11.0, 2.0)],
            parts.map(|part| if part < 0.5 { 2.0 * part } else { 1.0 + 20.0 * (part - 0.5) }),
        );
    }

    #[test]
    fn parts_that_fill_buckets_are_their_edges() {
        // The values of TensorBoard's own parts, bucket by bucket: every edge is found as it is.
        let edges = [-3.5, -1.5, -1.0, -0.5, 0.25, 0.5, 1.0, 2.0, 4.0];
        let rows: Vec<(f64, f64, f64)> = (0..8)
            .map(|i| (edges[i], edges[i + 1], f64::from(BASIS_POINTS[i + 1] - BASIS_POINTS[i])))
            .collect();
        check(&rows, edges);
    }

    #[test]
    fn the_lines_are_tensorboard_s() {
        // compress_histogram of tensorboard 2.21.0.
        check(
            &[(-1.0, -0.5, 3.0), (-0.5, 0.0, 10.0), (0.0, 0.5, 0.0), (0.5, 1.25, 7.0), (1.25, 2.0, 1.0)],
            [
                -1.0,
                -0.7662,
                -0.483365,
                -0.326075,
                -0.125,
                0.663_017_857_142_857_3,
                1.000_067_857_142_857_2,
                1.206_842_857_142_857_6,
                2.0,
            ],
        );
    }

    #[test]
    fn buckets_that_hold_nothing_are_jumped_over() {
        let rows = [(-9.0, 0.0, 0.0), (0.0, 1.0, 1.0), (1.0, 5.0, 0.0), (5.0, 6.0, 1.0), (6.0, 99.0, 0.0)];
        let found = percentiles(&histogram(&rows)).unwrap();
        assert_eq!((found[0], found[4], found[8]), (0.0, 5.0, 6.0));
    }

    #[test]
    fn a_constant_is_one_value() {
        for value in [0.0, -1.5, 1e300] {
            // As TensorFlow writes a constant: all buckets empty but the last.
            let mut rows = vec![(value, value, 0.0); 29];
            rows.push((value, value, 7.0));
            assert_eq!(percentiles(&histogram(&rows)), Some([value; 9]));
        }
    }

    #[test]
    fn what_is_not_finite_spoils_nothing() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        for none in [&[][..], &[(0.0, 0.0, 0.0)], &[(nan, 1.0, 3.0)], &[(0.0, 1.0, nan)], &[(-inf, inf, 1.0)]]
        {
            assert_eq!(percentiles(&histogram(none)), None, "{none:?}");
        }
        let odd = histogram(&[(nan, nan, 3.0), (-inf, 1.0, 4.0), (-1e308, 1e308, f64::MAX), (0.0, inf, 2.0)]);
        let found = percentiles(&odd).unwrap();
        assert!(found.iter().all(|value| value.is_finite()), "{found:?}");
    }

    #[test]
    fn values_themselves_are_near() {
        // 10,001 even values: the part p lies at p.
        let values: Vec<f64> = (0..=10_000).map(f64::from).collect();
        let found = percentiles(&Histogram::of(&values)).unwrap();
        for (value, point) in found.iter().zip(BASIS_POINTS) {
            assert!((value - f64::from(point)).abs() < 2.0, "{value} {point}");
        }
    }

    proptest! {
        #[test]
        fn lines_never_cross_and_stay_within(
            rows in prop::collection::vec((-1e3f64..1e3, 0.0f64..10.0, 0u32..1000), 1..40),
        ) {
            let rows: Vec<_> = rows.iter().map(|&(left, width, n)| (left, left + width, f64::from(n))).collect();
            let filled: Vec<_> = rows.iter().filter(|row| row.2 > 0.0).collect();
            let found = percentiles(&histogram(&rows));
            prop_assert_eq!(found.is_some(), !filled.is_empty());
            if let Some(found) = found {
                let low = filled.iter().map(|row| row.0).fold(f64::INFINITY, f64::min);
                let high = filled.iter().map(|row| row.1).fold(f64::NEG_INFINITY, f64::max);
                prop_assert!(found.windows(2).all(|pair| pair[0] <= pair[1]), "{:?}", found);
                prop_assert_eq!((found[0], found[8]), (low, high));
            }
        }

        #[test]
        fn each_part_of_the_values_lies_below_its_line(values in prop::collection::vec(-5.0f32..5.0, 1..300)) {
            let histogram = Histogram::of(&values);
            let found = percentiles(&histogram).unwrap();
            let width = (found[8] - found[0]) / Histogram::DEFAULT_BUCKETS as f64;
            for (value, point) in found.iter().zip(BASIS_POINTS) {
                // Off by no more than the bucket that the line lies in.
                let count = |to: f64| values.iter().filter(|&&v| f64::from(v) <= to).count() as f64;
                let wanted = values.len() as f64 * f64::from(point) / 10_000.0;
                let slack = 1e-6;
                prop_assert!(count(value - width - slack) <= wanted + slack);
                prop_assert!(count(value + width + slack) >= wanted - slack);
            }
        }
    }
}
