//! Brings the histograms of several steps onto one row of bins, as TensorBoard does before it draws them.
//!
//! TensorBoard stores for every step 30 buckets between that step's own smallest and largest value, and draws
//! all steps on 30 bins between the extremes of all; a bucket that lies in several bins gives each its part.
//! Unlike TensorBoard's `intermediateToD3`, a non-finite edge spoils nothing, the bins of a constant lie
//! around it whatever its sign, and no count is lost to rounding at the last edge.

use tensorboard::{Bucket, Histogram};

/// Number of bins TensorBoard draws.
pub(crate) const BINS: usize = 30;

/// Edges beyond this are drawn as this, so that no difference of two overflows. float32 ends at 3.4e38.
const LARGEST: f64 = 1e300;

/// Histograms of several steps on the same bins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Binned {
    /// Left edge of the first bin.
    pub(crate) low: f64,
    /// Right edge of the last bin.
    pub(crate) high: f64,
    /// One row a step, one count a bin.
    pub(crate) counts: Vec<[f64; BINS]>,
}

impl Binned {
    /// The largest count of all bins of all steps.
    pub(crate) fn peak(&self) -> f64 {
        self.counts.iter().flatten().copied().fold(0.0, f64::max)
    }

    /// The curve of a step as pairs of value and count: from nothing at the lower end over the middles of the bins
    /// to nothing at the upper end.
    pub(crate) fn outline(&self, step: usize) -> impl Iterator<Item = (f64, f64)> {
        let counts = self.counts.get(step).into_iter().flatten();
        let middles = counts.enumerate().map(|(bin, &count)| (self.centre(bin), count));
        [(self.low, 0.0)].into_iter().chain(middles).chain([(self.high, 0.0)])
    }

    /// The middle of a bin.
    fn centre(&self, bin: usize) -> f64 {
        edge(self.low, self.high, bin) + (self.high - self.low) / BINS as f64 / 2.0
    }
}

/// Spreads the counts of all histograms over [`BINS`] equal bins from their smallest to their largest edge.
/// Buckets without a positive finite count or with a NaN edge count as empty; an infinite edge is drawn at the
/// other edge of its bucket. Every row sums to what its histogram holds, but for rounding.
pub(crate) fn rebin(histograms: &[&Histogram]) -> Binned {
    let steps: Vec<Vec<Bucket>> = histograms.iter().map(|histogram| drawable(&histogram.buckets)).collect();
    let (low, high) = domain(&steps);
    let counts = steps.iter().map(|buckets| spread(buckets, low, high)).collect();
    Binned { low, high, counts }
}

/// The buckets that hold something, with finite edges in order.
pub(crate) fn drawable(buckets: &[Bucket]) -> Vec<Bucket> {
    let placed = |bucket: &Bucket| {
        let (left, right) = match (bucket.left.is_finite(), bucket.right.is_finite()) {
            (true, true) => (bucket.left.min(bucket.right), bucket.left.max(bucket.right)),
            (true, false) if bucket.right.is_infinite() => (bucket.left, bucket.left),
            (false, true) if bucket.left.is_infinite() => (bucket.right, bucket.right),
            _ => return None,
        };
        let (left, right) = (left.clamp(-LARGEST, LARGEST), right.clamp(-LARGEST, LARGEST));
        (bucket.count > 0.0 && bucket.count.is_finite()).then_some(Bucket {
            left,
            right,
            count: bucket.count,
        })
    };
    buckets.iter().filter_map(placed).collect()
}

/// The extremes of all edges; around a constant, a range that shows it in the middle.
fn domain(steps: &[Vec<Bucket>]) -> (f64, f64) {
    let edges = steps.iter().flatten().map(|bucket| (bucket.left, bucket.right));
    let (low, high) = edges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0.0, 0.0));
    let size = low.abs().max(high.abs());
    // Nothing smaller is a weight; a pad of a subnormal constant would round away.
    let pad = if size > 1e-30 { size * 0.1 } else { 1.0 };
    let (low, high) = if size > 1e-30 { (low, high) } else { (0.0, 0.0) };
    let wide = crate::axes::widened(low, high, pad);
    if wide == (low, high) {
        return wide;
    }
    // Bins are even in number: half a bin to the left puts the constant in the middle of one, not on an edge.
    let half_bin = pad / BINS as f64;
    (wide.0 - half_bin, wide.1 - half_bin)
}

fn edge(low: f64, high: f64, index: usize) -> f64 {
    if index == BINS { high } else { low + (high - low) / BINS as f64 * index as f64 }
}

fn spread(buckets: &[Bucket], low: f64, high: f64) -> [f64; BINS] {
    let mut counts = [0.0; BINS];
    let width = (high - low) / BINS as f64;
    let bin_of = |value: f64| (((value - low) / width).max(0.0) as usize).min(BINS - 1);
    for bucket in buckets {
        let (first, last) = (bin_of(bucket.left), bin_of(bucket.right));
        let reach = bucket.right - bucket.left;
        let inside =
            |bin: usize| bucket.right.min(edge(low, high, bin + 1)) - bucket.left.max(edge(low, high, bin));
        if first == last || reach <= 0.0 {
            counts[first] += bucket.count;
            continue;
        }
        let mut left_over = bucket.count;
        for (bin, count) in counts.iter_mut().enumerate().take(last).skip(first) {
            let part = (bucket.count * (inside(bin) / reach)).clamp(0.0, left_over);
            *count += part;
            left_over -= part;
        }
        // What remains belongs to the last bin: the parts then sum to the whole.
        counts[last] += left_over;
    }
    counts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram(buckets: &[(f64, f64, f64)]) -> Histogram {
        let buckets = buckets.iter().map(|&(left, right, count)| Bucket { left, right, count }).collect();
        Histogram { buckets, non_finite: 0 }
    }

    #[test]
    fn a_bucket_gives_each_bin_its_part() {
        // Bins are one wide; the bucket from 0.5 to 2.5 lies a quarter, a half and a quarter in three of them.
        let binned =
            rebin(&[&histogram(&[(0.5, 2.5, 8.0), (29.0, 30.0, 1.0)]), &histogram(&[(0.0, 0.0, 3.0)])]);
        assert_eq!((binned.low, binned.high), (0.0, 30.0));
        assert_eq!(binned.counts[0][..4], [2.0, 4.0, 2.0, 0.0]);
        assert_eq!(binned.counts[0][29], 1.0);
        assert_eq!(binned.counts[1][0], 3.0);
        assert_eq!((binned.peak(), binned.centre(0)), (4.0, 0.5));
    }

    #[test]
    fn buckets_on_the_bins_stay_as_they_are() {
        // The row of TensorFlow: 30 buckets of a step whose extremes are those of all steps.
        let (low, high) = (-0.375, 0.3125);
        let rows: Vec<_> = (0..BINS)
            .map(|i| (edge(low, high, i), edge(low, high, i + 1), f64::from(i as u32 + 1)))
            .collect();
        let binned = rebin(&[&histogram(&rows)]);
        for (count, row) in binned.counts[0].iter().zip(&rows) {
            assert!((count - row.2).abs() < 1e-9, "{count} {}", row.2);
        }
    }

    #[test]
    fn a_constant_is_a_spike_in_the_middle() {
        for value in [0.0, 1e-310, 1e-40, 0.25, -100.0, 1e38, -1e300] {
            // As TensorFlow writes a constant: all 30 buckets empty but the last.
            let mut rows = vec![(value, value, 0.0); 29];
            rows.push((value, value, 7.0));
            let binned = rebin(&[&histogram(&rows)]);
            let bins: Vec<usize> = (0..BINS).filter(|&bin| binned.counts[0][bin] > 0.0).collect();
            assert!(binned.low < binned.high && bins == [15], "{value}: {binned:?}");
            assert_eq!(binned.counts[0][15], 7.0);
            let drawn = if value.abs() < 1e-30 { 0.0 } else { value };
            let beside = (binned.centre(15) - drawn) / (binned.high - binned.low);
            assert!(beside.abs() < 1e-9, "{value} is {beside} of the width beside its spike");
        }
    }

    #[test]
    fn what_is_not_finite_spoils_nothing() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let odd = histogram(&[
            (nan, nan, 3.0),
            (0.0, inf, 2.0),
            (-inf, 1.0, 4.0),
            (0.0, 1.0, nan),
            (-inf, inf, 1.0),
        ]);
        let binned = rebin(&[&odd, &histogram(&[]), &histogram(&[(-1e308, 1e308, 30.0)])]);
        assert!(binned.low.is_finite() && binned.high.is_finite());
        assert!(binned.counts.iter().flatten().all(|count| count.is_finite()));
        assert_eq!(binned.counts[0].iter().sum::<f64>(), 6.0);
    }

    proptest! {
        #[test]
        fn counts_are_conserved(
            steps in prop::collection::vec(
                prop::collection::vec((-1e3f64..1e3, 0.0f64..10.0, 0u32..100_000), 0..40), 1..6),
        ) {
            let histograms: Vec<Histogram> = steps
                .iter()
                .map(|rows| {
                    let rows: Vec<_> = rows.iter().map(|&(left, width, n)| (left, left + width, f64::from(n))).collect();
                    histogram(&rows)
                })
                .collect();
            let binned = rebin(&histograms.iter().collect::<Vec<_>>());
            for (counts, rows) in binned.counts.iter().zip(&steps) {
                let total: f64 = rows.iter().map(|row| f64::from(row.2)).sum();
                prop_assert!((counts.iter().sum::<f64>() - total).abs() <= total * 1e-12);
                prop_assert!(counts.iter().all(|count| *count >= 0.0));
            }
        }
    }
}
