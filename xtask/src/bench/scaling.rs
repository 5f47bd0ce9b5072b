//! `bench scaling`: how speed goes with batch size, threads and instruction set, and training with evaluation.

use std::io::{self, Write};

use anyhow::{Context, Result};
use clap::Args;
use kernels::Simd;

use super::measured::Measured;
use super::speed::{Length, Setting, TrainSpeed, Work};
use super::table::{Table, or_dash};

/// Training with the fastest instruction set, on 1, 2, 4, ... threads.
const BATCHES: [usize; 5] = [8, 32, 128, 512, 1024];
/// Training with the other instruction sets.
const BATCHES_OF_OTHERS: [usize; 2] = [32, 128];
/// Evaluation.
const EVALUATED: [usize; 3] = [32, 128, 512];

/// What can be asked of `bench scaling`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Rounds: in each, every setting is measured once
    #[arg(long, default_value_t = 3, value_name = "N")]
    rounds: usize,
    /// Repeats in a round
    #[arg(long, default_value_t = 2, value_name = "N")]
    repeats: usize,
    /// Pictures in a repeat
    #[arg(long, default_value_t = 4096, value_name = "N")]
    images: usize,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let all_counts = [options.rounds, options.repeats, options.images].iter().all(|&n| n > 0);
    if !all_counts {
        return Err(super::wrong_usage("--rounds, --repeats and --images are to be at least 1"));
    }
    let program = TrainSpeed::build()?;
    let length = Length { repeats: options.repeats, images: options.images };
    let settings = settings(super::all_threads(), &Simd::available());
    let mut runs: Vec<(Setting, Vec<Measured>)> =
        settings.into_iter().map(|setting| (setting, Vec::new())).collect();
    for round in 1..=options.rounds {
        tracing::info!("round {round} of {}: {} settings", options.rounds, runs.len());
        for (setting, runs) in &mut runs {
            runs.push(program.measure(*setting, length)?);
        }
    }
    let sum = |(setting, runs): (Setting, Vec<Measured>)| Some((setting, Measured::sum_up(&runs)?));
    let results: Option<Vec<_>> = runs.into_iter().map(sum).collect();
    writeln!(io::stdout(), "{}", table(&results.context("nothing was measured")?))?;
    Ok(())
}

/// Everything to measure on a machine with so many threads and such instruction sets, fastest first.
fn settings(most_threads: usize, simd: &[Simd]) -> Vec<Setting> {
    let Some((&best, others)) = simd.split_first() else { return Vec::new() };
    let mut threads: Vec<usize> =
        std::iter::successors(Some(1), |n| Some(n * 2)).take_while(|&n| n < most_threads).collect();
    threads.push(most_threads);
    let mut settings = Vec::new();
    for batch in BATCHES {
        for &threads in &threads {
            settings.push(Setting { work: Work::Train, batch, threads, simd: best });
        }
    }
    // Not portable: without fused multiply-add in hardware it trains 80 pictures a second.
    for &simd in others.iter().filter(|simd| simd.to_string() != "portable") {
        for batch in BATCHES_OF_OTHERS {
            settings.push(Setting { work: Work::Train, batch, threads: most_threads, simd });
        }
    }
    for batch in EVALUATED {
        settings.push(Setting { work: Work::Evaluate, batch, threads: most_threads, simd: best });
    }
    settings
}

fn table(results: &[(Setting, Measured)]) -> Table<8> {
    let mut table = Table::new([
        "work",
        "batch",
        "threads",
        "simd",
        "images/s",
        "least - most",
        "to 1 thread",
        "to training",
    ]);
    // How many times as fast as with another setting.
    let ratio = |measured: &Measured, other: Setting| {
        let (_, other) = results.iter().find(|(setting, _)| *setting == other)?;
        Some(format!("{:.2}", measured.images_per_second.median / other.images_per_second.median))
    };
    for (setting, measured) in results {
        let [rate, range] = measured.images_per_second.cells();
        let training = Setting { work: Work::Train, ..*setting };
        table.add([
            match setting.work {
                Work::Train => "train",
                Work::Evaluate => "evaluate",
            }
            .to_owned(),
            setting.batch.to_string(),
            setting.threads.to_string(),
            setting.simd.to_string(),
            rate,
            range,
            or_dash(ratio(measured, Setting { threads: 1, ..*setting })),
            or_dash(if setting.work == Work::Evaluate { ratio(measured, training) } else { None }),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::measured::tests::{OURS, measured};
    use super::*;

    #[test]
    fn settings_go_with_the_machine() {
        let best = Simd::best();
        let threads = |most| {
            let of = |s: &Setting| s.batch == 8;
            settings(most, &[best]).iter().filter(|s| of(s)).map(|s| s.threads).collect::<Vec<_>>()
        };
        assert_eq!(threads(1), [1]);
        assert_eq!(threads(2), [1, 2]);
        assert_eq!(threads(6), [1, 2, 4, 6]);
        let all = settings(2, &Simd::available());
        assert!(all.iter().filter(|s| s.simd != best).all(|s| s.simd.to_string() != "portable"));
        assert_eq!(all.iter().filter(|s| s.work == Work::Evaluate).count(), 3);
    }

    #[test]
    fn ratios_are_to_the_same_setting_but_for_one_thing() {
        let setting = |work, threads| Setting { work, batch: 32, threads, simd: Simd::best() };
        let with_rate = |median| {
            let mut measured = measured(OURS);
            measured.images_per_second.median = median;
            measured
        };
        let results = [
            (setting(Work::Train, 1), with_rate(100.0)),
            (setting(Work::Train, 2), with_rate(150.0)),
            (setting(Work::Evaluate, 2), with_rate(600.0)),
        ];
        let text = table(&results).to_string();
        let ends = |line: usize, expected: [&str; 2]| {
            let cells: Vec<&str> = text.lines().nth(line).unwrap().split_whitespace().collect();
            assert_eq!(cells[cells.len() - 2..], expected, "{text}");
        };
        ends(1, ["1.00", "-"]);
        ends(2, ["1.50", "-"]);
        ends(3, ["-", "4.00"]);
    }
}
