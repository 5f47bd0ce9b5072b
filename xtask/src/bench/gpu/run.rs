//! What a program prints that trains on a device, read and summed up; knows nothing of how it is started.

use anyhow::{Result, ensure};
use serde::Deserialize;

use crate::bench::measured::Rates;

/// What all programs print.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Run {
    /// As its maker calls it.
    pub(super) device: String,
    pub(super) precision: String,
    /// Pictures in a step.
    pub(super) batch: usize,
    /// Pictures a second.
    pub(super) images_per_second: Rates,
    /// Of the last step: a number, for what was timed is to be training.
    pub(super) loss: f64,
    /// Of the framework.
    pub(super) version: Option<String>,
}

/// What ours prints.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Ours {
    #[serde(flatten)]
    pub(super) run: Run,
    /// 10^12 multiplications and additions a second in a product of large matrices of this precision.
    pub(super) matrix_tflops: f64,
    /// 10^9 bytes a second read and written by copies on the device.
    pub(super) copy_gbs: f64,
    /// Multiplications and additions that a step needs.
    pub(super) operations_per_step: u64,
    /// Bytes that a step reads and writes.
    pub(super) bytes_per_step: u64,
    /// Whether a step is one launch, a CUDA graph.
    pub(super) captured: bool,
}

impl Run {
    /// Sums up runs of one program with one setting; `None` of no runs.
    pub(super) fn sum_up(runs: &[Self]) -> Option<Self> {
        let images_per_second = Rates::sum_up(runs.iter().map(|run| &run.images_per_second))?;
        Some(Self { images_per_second, ..runs.last()?.clone() })
    }

    /// Checks that this is what another program measured.
    ///
    /// # Errors
    /// If device, precision or batch are others.
    pub(super) fn check_beside(&self, other: &Self) -> Result<()> {
        let of = |run: &Self| format!("batch {} in {} on {}", run.batch, run.precision, run.device);
        let (found, expected) = (of(self), of(other));
        ensure!(found == expected, "it measured {found}, expected {expected}");
        Ok(())
    }
}

impl Ours {
    /// Sums up runs with one setting: the greatest rates of the device count, for others were disturbed. `None` of no runs.
    pub(super) fn sum_up(runs: &[Self]) -> Option<Self> {
        let all: Vec<Run> = runs.iter().map(|ours| ours.run.clone()).collect();
        Some(Self {
            run: Run::sum_up(&all)?,
            matrix_tflops: runs.iter().map(|ours| ours.matrix_tflops).fold(0.0, f64::max),
            copy_gbs: runs.iter().map(|ours| ours.copy_gbs).fold(0.0, f64::max),
            ..runs.last()?.clone()
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::bench::measured::read_line;

    /// As the programs print them; the figures are made up.
    pub(in crate::bench::gpu) const OURS: &str = r#"{"framework":"ours","device":"Card","precision":"f32","batch":100,
        "images_per_second":{"median":2000,"all":[1000,2000,6000]},"loss":2.25,"matrix_tflops":4.0,"copy_gbs":50.0,
        "operations_per_step":100000000000,"bytes_per_step":1000000000,"captured":true}"#;
    pub(in crate::bench::gpu) const TORCH: &str = r#"{"framework":"torch","mode":"graphs","version":"2.15","device":"Card",
        "precision":"f32","batch":100,"images_per_second":{"median":1000,"all":[1000]},"loss":2.5}"#;

    pub(in crate::bench::gpu) fn read<T: DeserializeOwned>(text: &str) -> T {
        read_line(&text.replace('\n', "")).unwrap()
    }

    #[test]
    fn runs_are_summed_up() {
        let (one, mut two): (Ours, Ours) = (read(OURS), read(OURS));
        two.run.images_per_second = Rates { median: 500.0, all: vec![500.0] };
        (two.matrix_tflops, two.copy_gbs) = (5.0, 40.0);
        let sum = Ours::sum_up(&[one, two]).unwrap();
        let rates = Rates { median: 1500.0, all: vec![1000.0, 2000.0, 6000.0, 500.0] };
        assert_eq!((sum.run.images_per_second, sum.matrix_tflops, sum.copy_gbs), (rates, 5.0, 50.0));
        assert_eq!((sum.operations_per_step, sum.bytes_per_step), (100_000_000_000, 1_000_000_000));
        assert_eq!((Ours::sum_up(&[]), Run::sum_up(&[])), (None, None));
    }

    #[test]
    fn only_the_same_is_compared() {
        let ours: Ours = read(OURS);
        let check = |change: fn(&mut Run), expected: Option<&str>| {
            let mut torch: Run = read(TORCH);
            change(&mut torch);
            let error = torch.check_beside(&ours.run).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), expected);
        };
        check(|_| (), None);
        check(
            |torch| torch.device = "Other".to_owned(),
            Some("it measured batch 100 in f32 on Other, expected batch 100 in f32 on Card"),
        );
        check(
            |torch| torch.precision = "tf32".to_owned(),
            Some("it measured batch 100 in tf32 on Card, expected batch 100 in f32 on Card"),
        );
        check(
            |torch| torch.batch = 1,
            Some("it measured batch 1 in f32 on Card, expected batch 100 in f32 on Card"),
        );
    }
}
