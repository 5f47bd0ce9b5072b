//! What speed programs print, read and summed up; knows nothing of how they are started.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The line of JSON that a program prints on its standard output, ours as the peers'.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Measured {
    /// Pictures in a step.
    pub(super) batch: usize,
    /// Threads that computed.
    pub(super) threads: usize,
    /// Pictures a second.
    pub(super) images_per_second: Rates,
    /// Of the framework.
    pub(super) version: Option<String>,
    /// Ours: the rate of multiply-adds on registers alone, GFLOP/s.
    pub(super) fma_peak_gflops: Option<f64>,
    /// Peers: the rate of their product of large matrices, GFLOP/s.
    pub(super) gemm_peak: Option<f64>,
    /// Peers: seconds until the framework is loaded.
    pub(super) import_seconds: Option<f64>,
    /// The most memory that the program ever held.
    pub(super) peak_rss_mib: Option<u64>,
}

/// The same measured several times.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Rates {
    /// The middle one.
    pub(super) median: f64,
    /// All, in the order of time.
    pub(super) all: Vec<f64>,
}

/// Reads what a program printed: the last line that has such JSON, as libraries may print lines of their own.
///
/// # Errors
/// If there is none.
pub(super) fn read_line<T: DeserializeOwned>(stdout: &str) -> Result<T> {
    let mut lines = stdout.lines().rev();
    let line = lines.find(|line| line.trim_start().starts_with('{'));
    let line = line.with_context(|| format!("expected a line of JSON, found {stdout:?}"))?;
    serde_json::from_str(line).with_context(|| format!("expected rates, found {line}"))
}

impl Rates {
    /// The rates of several runs as if they were one's; `None` of no rates.
    pub(super) fn sum_up<'a>(runs: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let all: Vec<f64> = runs.into_iter().flat_map(|run| run.all.iter().copied()).collect();
        Some(Self { median: median(&all)?, all })
    }

    /// As people read them: the median, the least and the greatest.
    pub(super) fn cells(&self) -> [String; 2] {
        let Self { median, all } = self;
        let least = all.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = all.iter().copied().fold(0.0, f64::max);
        [format!("{median:.0}"), format!("{least:.0} - {greatest:.0}")]
    }

    /// The fastest of some programs, and how many times as fast as it this one is; `None` of none.
    pub(super) fn to_best<'a, P>(&self, others: impl IntoIterator<Item = (P, &'a Self)>) -> Option<(P, f64)> {
        let best = others.into_iter().max_by(|(_, a), (_, b)| a.median.total_cmp(&b.median))?;
        Some((best.0, self.median / best.1.median))
    }
}

impl Measured {
    /// Sums up runs of one program with one setting: the median of all rates, the greatest peaks, the least time
    /// to load. `None` of no runs.
    pub(super) fn sum_up(runs: &[Self]) -> Option<Self> {
        let greatest = |of: fn(&Self) -> Option<f64>| runs.iter().filter_map(of).reduce(f64::max);
        Some(Self {
            images_per_second: Rates::sum_up(runs.iter().map(|run| &run.images_per_second))?,
            fma_peak_gflops: greatest(|run| run.fma_peak_gflops),
            gemm_peak: greatest(|run| run.gemm_peak),
            import_seconds: runs.iter().filter_map(|run| run.import_seconds).reduce(f64::min),
            peak_rss_mib: runs.iter().filter_map(|run| run.peak_rss_mib).max(),
            ..runs.first()?.clone()
        })
    }
}

/// A ratio without digits that mean nothing.
pub(super) fn thousandths(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// The middle number, or the mean of the two middle ones; `None` of no numbers.
pub(super) fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[half - 1], upper) })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::bench) const OURS: &str = r#"{"framework":"ours","work":"train","batch":32,"threads":2,"simd":"avx512",
        "images_per_second":{"median":200,"all":[100,200,600]},"fma_peak_gflops":90,"peak_rss_mib":40}"#;
    pub(in crate::bench) const TORCH: &str = r#"{"framework":"torch","version":"2.9","batch":32,"threads":2,
        "images_per_second":{"median":80,"all":[80]},"gemm_peak":70.5,"import_seconds":1.5,"peak_rss_mib":400}"#;

    pub(in crate::bench) fn measured(text: &str) -> Measured {
        read_line(&text.replace('\n', "")).unwrap()
    }

    #[test]
    fn medians() {
        let check = |numbers: &[f64], expected| assert_eq!(median(numbers), expected);
        check(&[], None);
        check(&[3.0], Some(3.0));
        check(&[3.0, 1.0], Some(2.0));
        check(&[9.0, 1.0, 2.0], Some(2.0));
    }

    #[test]
    fn the_line_is_found_among_others() {
        let text = format!("a library says\n{}\n\nbye\n", TORCH.replace('\n', ""));
        let read: Measured = read_line(&text).unwrap();
        assert_eq!(
            (read.gemm_peak, read.fma_peak_gflops, read.version.as_deref()),
            (Some(70.5), None, Some("2.9"))
        );
        let check = |text: &str, expected: &str| {
            let error = format!("{:#}", read_line::<Measured>(text).unwrap_err());
            assert!(error.starts_with(expected), "{error}");
        };
        check("", "expected a line of JSON, found \"\"");
        check("{\"batch\": 32}", "expected rates, found {\"batch\": 32}: missing field `threads`");
    }

    #[test]
    fn runs_are_summed_up() {
        let (one, mut two) = (measured(OURS), measured(OURS));
        two.images_per_second = Rates { median: 50.0, all: vec![50.0] };
        two.peak_rss_mib = Some(41);
        two.fma_peak_gflops = Some(89.0);
        let sum = Measured::sum_up(&[one, two]).unwrap();
        let rates = Rates { median: 150.0, all: vec![100.0, 200.0, 600.0, 50.0] };
        assert_eq!((sum.images_per_second.clone(), sum.batch, sum.threads), (rates, 32, 2));
        assert_eq!((sum.fma_peak_gflops, sum.peak_rss_mib), (Some(90.0), Some(41)));
        assert_eq!(sum.images_per_second.cells(), ["150", "50 - 600"]);
        assert_eq!(Measured::sum_up(&[]), None);
    }
}
