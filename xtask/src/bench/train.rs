//! `bench train`: how fast we train, and others with the same network in the same minutes.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use kernels::Simd;
use serde_json::{Value, json};

use super::measured::{Measured, thousandths};
use super::peers::Peers;
use super::speed::{IMAGES, Length, Setting, TrainSpeed, Work, measure};
use super::table::{Table, or_dash};
use super::turns;
use crate::frameworks::Framework;
use crate::interrupt;

/// What can be asked of `bench train`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Pictures in a step
    #[arg(long, default_value_t = 32, value_name = "N")]
    batch: usize,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Repeats in a program
    #[arg(long, default_value_t = 5, value_name = "N")]
    repeats: usize,
    /// Rounds: in each, every program runs once, so that what disturbs disturbs all
    #[arg(long, default_value_t = 3, value_name = "N")]
    rounds: usize,
    /// Print one line of JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Measure us alone
    #[arg(long)]
    no_peers: bool,
    /// Another script to measure peers with: takes `torch|keras --batch N --threads N --repeats N`, prints such JSON
    #[arg(long, value_name = "SCRIPT", conflicts_with = "no_peers")]
    peers: Option<PathBuf>,
    /// A Python that has the peers [default: environments under target/peers, made on first use]
    #[arg(long, value_name = "PATH", conflicts_with = "no_peers")]
    python: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let all_counts =
        [options.batch, options.rounds, options.repeats].iter().all(|&n| n > 0) && options.threads != Some(0);
    if !all_counts {
        return Err(super::wrong_usage("--batch, --threads, --repeats and --rounds are to be at least 1"));
    }
    let setting = Setting {
        work: Work::Train,
        batch: options.batch,
        threads: options.threads.unwrap_or_else(super::all_threads),
        simd: Simd::best(),
    };
    let peers = if options.no_peers {
        Vec::new()
    } else {
        let folder = super::folder()?;
        Peers::prepare(options.peers.as_deref(), options.python.as_deref(), &folder)?
            .commands(setting, options.repeats)
    };
    interrupt::check()?;
    let result = in_turn(options, setting, peers)?;
    if options.json {
        writeln!(io::stdout(), "{}", result.json())?;
    } else {
        writeln!(io::stdout(), "{}", result.text())?;
    }
    Ok(())
}

/// Runs every program once a round.
fn in_turn(options: &Options, setting: Setting, peers: Vec<(Framework, Command)>) -> Result<Comparison> {
    let program = TrainSpeed::build()?;
    let length = Length { repeats: options.repeats, images: IMAGES };
    let (ours, theirs) = turns::in_turn(
        options.rounds,
        peers,
        Framework::name,
        || program.measure(setting, length),
        |_, command| measure(command),
    )?;
    let of = |peer: Framework| Some((peer, Measured::sum_up(&turns::of(peer, &theirs))?));
    let ours = Measured::sum_up(&ours).context("nothing was measured")?;
    Ok(Comparison { ours, peers: Framework::ALL.into_iter().filter_map(of).collect() })
}

/// All rounds of all programs.
#[derive(Debug)]
struct Comparison {
    ours: Measured,
    peers: Vec<(Framework, Measured)>,
}

impl Comparison {
    /// The fastest peer and how many times as fast as it we are.
    fn best_peer(&self) -> Option<(Framework, f64)> {
        let rates = self.peers.iter().map(|(peer, measured)| (*peer, &measured.images_per_second));
        self.ours.images_per_second.to_best(rates)
    }

    fn json(&self) -> Value {
        let of = |name: Framework| self.peers.iter().find(|(peer, _)| *peer == name).map(|(_, peer)| peer);
        let peer = |name: Framework| {
            of(name).map(|peer| {
                json!({
                    "version": peer.version,
                    "batch": peer.batch,
                    "threads": peer.threads,
                    "images_per_second": peer.images_per_second,
                    "gemm_peak": peer.gemm_peak,
                    "import_seconds": peer.import_seconds,
                    "peak_rss_mib": peer.peak_rss_mib,
                })
            })
        };
        let ours = &self.ours;
        json!({
            "ours": {
                "images_per_second": ours.images_per_second,
                "batch": ours.batch,
                "threads": ours.threads,
                "fma_peak_gflops": ours.fma_peak_gflops,
                "peak_rss_mib": ours.peak_rss_mib,
            },
            "torch": peer(Framework::Torch),
            "keras": peer(Framework::Keras),
            "ratio_to_best_peer": self.best_peer().map(|(_, ratio)| thousandths(ratio)),
        })
    }

    fn text(&self) -> String {
        let mut table = Table::new([
            "framework",
            "version",
            "images/s",
            "least - most",
            "ours / it",
            "peak MiB",
            "GFLOP/s",
            "of",
        ]);
        let mut add = |name: &str, measured: &Measured| {
            let [rate, range] = measured.images_per_second.cells();
            let ratio = self.ours.images_per_second.median / measured.images_per_second.median;
            let peak = measured.fma_peak_gflops.or(measured.gemm_peak);
            table.add([
                name.to_owned(),
                or_dash(measured.version.as_ref()),
                rate,
                range,
                format!("{ratio:.2}"),
                or_dash(measured.peak_rss_mib),
                or_dash(peak.map(|peak| format!("{peak:.0}"))),
                if measured.fma_peak_gflops.is_some() { "registers" } else { "matrices" }.to_owned(),
            ]);
        };
        add("ours", &self.ours);
        for (peer, measured) in &self.peers {
            add(peer.name(), measured);
        }
        let mut text = format!("batch {}, {} threads\n{table}", self.ours.batch, self.ours.threads);
        if let Some((peer, ratio)) = self.best_peer() {
            text += &format!("\nours trains {ratio:.2} times as fast as {}", peer.name());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::measured::tests::{OURS, TORCH, measured};
    use super::*;

    fn comparison() -> Comparison {
        let mut keras = measured(TORCH);
        keras.images_per_second.median = 60.0;
        Comparison {
            ours: measured(OURS),
            peers: vec![(Framework::Torch, measured(TORCH)), (Framework::Keras, keras)],
        }
    }

    #[test]
    fn the_ratio_is_to_the_fastest_peer() {
        assert_eq!(comparison().best_peer(), Some((Framework::Torch, 2.5)));
        let alone = Comparison { ours: measured(OURS), peers: Vec::new() };
        assert_eq!(alone.best_peer(), None);
    }

    #[test]
    fn the_json_has_null_for_who_is_missing() {
        let mut comparison = comparison();
        comparison.peers.pop();
        let expected = r#"{"keras":null,"ours":{"batch":32,"fma_peak_gflops":90.0,
            "images_per_second":{"all":[100.0,200.0,600.0],"median":200.0},"peak_rss_mib":40,"threads":2},
            "ratio_to_best_peer":2.5,"torch":{"batch":32,"gemm_peak":70.5,
            "images_per_second":{"all":[80.0],"median":80.0},"import_seconds":1.5,"peak_rss_mib":400,
            "threads":2,"version":"2.9"}}"#;
        assert_eq!(comparison.json(), serde_json::from_str::<Value>(expected).unwrap());
        assert_eq!(comparison.json().to_string().lines().count(), 1);
        comparison.peers.clear();
        let json = comparison.json();
        assert!(json["torch"].is_null() && json["ratio_to_best_peer"].is_null(), "{json}");
    }

    #[test]
    fn the_table_has_everyone() {
        let text = comparison().text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "batch 32, 2 threads");
        let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(cells(lines[2]), ["ours", "-", "200", "100", "-", "600", "1.00", "40", "90", "registers"]);
        assert_eq!(cells(lines[3]), ["torch", "2.9", "80", "80", "-", "80", "2.50", "400", "70", "matrices"]);
        assert_eq!(lines[5], "ours trains 2.50 times as fast as torch");
    }
}
