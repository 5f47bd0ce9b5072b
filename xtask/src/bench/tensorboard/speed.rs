//! What a program measures that writes event files; knows nothing of how it is started.

use serde::{Deserialize, Serialize};

use crate::bench::measured::Rates;

/// The line of JSON that a program prints on its standard output, ours as the peers'.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Speed {
    /// Of the writer.
    pub(super) version: String,
    /// Scalars a second, from the making of a writer until it is closed.
    pub(super) scalars: Rates,
    /// Histograms of 65,536 `f32` a second, likewise.
    pub(super) histograms: Rates,
    /// On the disk.
    pub(super) bytes_per_scalar: u64,
    /// On the disk.
    pub(super) bytes_per_histogram: u64,
    /// Ours: how often a second the smallest and the largest of the 65,536 `f32` are found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) histograms_bound: Option<Rates>,
    /// Ours: MB/s at which a file of scalars is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scalars_read: Option<Rates>,
    /// Ours: MB/s at which a file as Keras writes it is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mixed_read: Option<Rates>,
}

impl Speed {
    /// Sums up runs of one program: medians of all rates. `None` of no runs.
    pub(super) fn sum_up(runs: &[Self]) -> Option<Self> {
        let rates = |of: fn(&Self) -> Option<&Rates>| Rates::sum_up(runs.iter().filter_map(of));
        Some(Self {
            scalars: rates(|run| Some(&run.scalars))?,
            histograms: rates(|run| Some(&run.histograms))?,
            histograms_bound: rates(|run| run.histograms_bound.as_ref()),
            scalars_read: rates(|run| run.scalars_read.as_ref()),
            mixed_read: rates(|run| run.mixed_read.as_ref()),
            ..runs.first()?.clone()
        })
    }

    /// The share of what reading its values takes at least that a histogram has reached.
    pub(super) fn share_of_bound(&self) -> Option<f64> {
        Some(self.histograms.median / self.histograms_bound.as_ref()?.median)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bench::measured::read_line;

    pub(in crate::bench::tensorboard) const OURS: &str = r#"{"writer":"ours","version":"0.1.0",
        "scalars":{"median":1000,"all":[900,1000,1100]},"histograms":{"median":50,"all":[50]},
        "bytes_per_scalar":90,"bytes_per_histogram":800,"histograms_bound":{"median":200,"all":[200]},
        "scalars_read":{"median":500,"all":[500]},"mixed_read":{"median":700,"all":[700]}}"#;
    pub(in crate::bench::tensorboard) const TORCH: &str = r#"{"writer":"torch","version":"2.9",
        "scalars":{"median":100,"all":[100]},"histograms":{"median":10,"all":[10]},
        "bytes_per_scalar":50,"bytes_per_histogram":13000}"#;

    pub(in crate::bench::tensorboard) fn speed(text: &str) -> Speed {
        read_line(&text.replace('\n', "")).unwrap()
    }

    #[test]
    fn runs_are_summed_up() {
        let (one, mut two) = (speed(OURS), speed(OURS));
        two.scalars = Rates { median: 2000.0, all: vec![2000.0] };
        let sum = Speed::sum_up(&[one, two]).unwrap();
        assert_eq!(sum.scalars, Rates { median: 1050.0, all: vec![900.0, 1000.0, 1100.0, 2000.0] });
        assert_eq!(sum.mixed_read, Some(Rates { median: 700.0, all: vec![700.0, 700.0] }));
        assert_eq!((sum.version.as_str(), sum.bytes_per_histogram), ("0.1.0", 800));
        assert_eq!(Speed::sum_up(&[]), None);
    }

    #[test]
    fn the_bound_is_ours_alone() {
        assert_eq!(speed(OURS).share_of_bound(), Some(0.25));
        assert_eq!(speed(TORCH).share_of_bound(), None);
    }
}
