//! Where the weights of each layer lie at first and at last, as far as histograms tell; knows nothing of pages.

use anyhow::Result;
use tensorboard::{Histogram, Run};

use crate::finished_run::FinishedRun;

/// One variable of a layer, such as its kernel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layer {
    /// As `conv2d/kernel`.
    pub(super) name: String,
    /// Number of its values.
    pub(super) values: u64,
    /// The first and the last histogram.
    pub(super) ends: [Spread; 2],
}

/// How far values lie apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Spread {
    pub(super) smallest: f64,
    pub(super) largest: f64,
    /// Standard deviation, each value taken for the middle of its bucket.
    pub(super) deviation: f64,
}

/// All variables that have histograms, in the order of the network.
pub(super) fn layers(run: &FinishedRun) -> Result<Vec<Layer>> {
    let train = Run::open(run.folder.join("train"))?.read()?;
    let layer = |tag: &tensorboard::Tag| {
        let points = train.histograms.get(tag)?;
        let (first, last) = (&points.first()?.value, &points.last()?.value);
        Some(Layer {
            name: name(tag)?.to_owned(),
            values: last.total() as u64,
            ends: [Spread::of(first), Spread::of(last)],
        })
    };
    Ok(train.histogram_tags().iter().filter_map(layer).collect())
}

/// `sequential/conv2d/kernel/histogram` is `conv2d/kernel`; gradients and others have none.
fn name(tag: &str) -> Option<&str> {
    tag.strip_suffix("/histogram")?.split_once('/').map(|(_, name)| name)
}

impl Spread {
    fn of(histogram: &Histogram) -> Self {
        let filled = || histogram.buckets.iter().filter(|bucket| bucket.count > 0.0);
        let total: f64 = filled().map(|bucket| bucket.count).sum();
        let Some(smallest) = filled().map(|bucket| bucket.left).reduce(f64::min) else {
            return Self::default();
        };
        let largest = filled().map(|bucket| bucket.right).fold(smallest, f64::max);
        let middle = |left: f64, right: f64| left / 2.0 + right / 2.0;
        let mean =
            filled().map(|bucket| middle(bucket.left, bucket.right) * bucket.count).sum::<f64>() / total;
        let square = |bucket: &tensorboard::Bucket| {
            let away = middle(bucket.left, bucket.right) - mean;
            away * away * bucket.count
        };
        let variance = filled().map(square).sum::<f64>() / total;
        Self { smallest, largest, deviation: variance.sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_variables() {
        let check = |tag, expected| assert_eq!(name(tag), expected);
        check("sequential/conv2d/kernel/histogram", Some("conv2d/kernel"));
        check("m/block/conv/bias/histogram", Some("block/conv/bias"));
        check("m/conv2d/kernel/gradient", None);
        check("histogram", None);
    }

    #[test]
    fn spread_of_values() {
        let check = |values: &[f32], expected: [f64; 3]| {
            let Spread { smallest, largest, deviation } = Spread::of(&Histogram::of(values));
            for (found, expected) in [smallest, largest, deviation].into_iter().zip(expected) {
                assert!((found - expected).abs() < 0.05, "{values:?}: {found} is not {expected}");
            }
        };
        check(&[], [0.0, 0.0, 0.0]);
        check(&[0.5, 0.5], [0.5, 0.5, 0.0]);
        check(&[-1.0, 1.0], [-1.0, 1.0, 1.0]);
        check(&[-1.0, 0.0, 1.0], [-1.0, 1.0, (2.0f64 / 3.0).sqrt()]);
    }
}
