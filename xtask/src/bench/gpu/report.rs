//! Our training beside PyTorch's, and both in shares of what the GPU can do, as tables and as JSON; knows nothing of how it
//! was measured.

use serde_json::{Map, Value, json};

use super::Precision;
use super::peers::Mode;
use super::run::{Ours, Run};
use crate::bench::measured::thousandths;
use crate::bench::table::{Table, or_dash};

/// All sizes of batches.
#[derive(Debug)]
pub(super) struct Report {
    precision: Precision,
    card: Card,
    comparisons: Vec<Comparison>,
}

/// One size of batches, all rounds of all programs.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) ours: Ours,
    pub(super) peers: Vec<(Mode, Run)>,
}

/// What the GPU can do, measured in the same minutes.
#[derive(Debug)]
struct Card {
    name: String,
    matrix_tflops: f64,
    copy_gbs: f64,
}

/// Which part a program uses of what the GPU can do.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shares {
    /// Of the rate of large matrices.
    matrix: f64,
    /// Of the rate of copies.
    copy: f64,
}

impl Report {
    /// `None` of nothing.
    pub(super) fn of(precision: Precision, comparisons: Vec<Comparison>) -> Option<Self> {
        let greatest = |of: fn(&Ours) -> f64| comparisons.iter().map(|it| of(&it.ours)).fold(0.0, f64::max);
        let card = Card {
            name: comparisons.first()?.ours.run.device.clone(),
            matrix_tflops: greatest(|ours| ours.matrix_tflops),
            copy_gbs: greatest(|ours| ours.copy_gbs),
        };
        Some(Self { precision, card, comparisons })
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "device": self.card.name,
            "precision": self.precision.name(),
            "matrix_tflops": thousandths(self.card.matrix_tflops),
            "copy_gbs": thousandths(self.card.copy_gbs),
            "batches": self.comparisons.iter().map(|it| it.json(&self.card)).collect::<Vec<_>>(),
        })
    }

    pub(super) fn text(&self) -> String {
        let Card { name, matrix_tflops, copy_gbs } = &self.card;
        let mut text = format!(
            "{name}, {}: products of large matrices {matrix_tflops:.3} TFLOP/s, copies {copy_gbs:.0} GB/s read and written",
            self.precision.name()
        );
        for comparison in &self.comparisons {
            text += &format!("\n\n{}", comparison.text(&self.card));
        }
        text
    }
}

impl Comparison {
    /// The fastest mode and how many times as fast as it we are.
    fn best_peer(&self) -> Option<(Mode, f64)> {
        let rates = self.peers.iter().map(|(mode, run)| (*mode, &run.images_per_second));
        self.ours.run.images_per_second.to_best(rates)
    }

    /// The work of a step is the same for all programs: only their time differs.
    fn shares(&self, run: &Run, card: &Card) -> Shares {
        let steps_per_second = run.images_per_second.median / run.batch as f64;
        Shares {
            matrix: self.ours.operations_per_step as f64 * steps_per_second / (card.matrix_tflops * 1e12),
            copy: self.ours.bytes_per_step as f64 * steps_per_second / (card.copy_gbs * 1e9),
        }
    }

    fn json(&self, card: &Card) -> Value {
        let program = |run: &Run| {
            let Shares { matrix, copy } = self.shares(run, card);
            let mut program = json!({
                "images_per_second": run.images_per_second,
                "of_matrix_rate": thousandths(matrix),
                "of_copy_rate": thousandths(copy),
                "loss": run.loss,
            });
            if let Some(version) = &run.version {
                program["version"] = json!(version);
            }
            program
        };
        let of = |mode: Mode| self.peers.iter().find(|(of, _)| *of == mode).map(|(_, run)| program(run));
        let modes: Map<String, Value> =
            Mode::ALL.into_iter().map(|mode| (mode.name().to_owned(), json!(of(mode)))).collect();
        json!({
            "batch": self.ours.run.batch,
            "operations_per_step": self.ours.operations_per_step,
            "bytes_per_step": self.ours.bytes_per_step,
            "captured": self.ours.captured,
            "ours": program(&self.ours.run),
            "torch": modes,
            "best_peer": self.best_peer().map(|(mode, _)| mode.name()),
            "ratio_to_best_peer": self.best_peer().map(|(_, ratio)| thousandths(ratio)),
        })
    }

    fn text(&self, card: &Card) -> String {
        let mut table = Table::new([
            "program",
            "version",
            "images/s",
            "least - most",
            "ours / it",
            "% of matrices",
            "% of copies",
        ]);
        let mut add = |name: String, run: &Run| {
            let [rate, range] = run.images_per_second.cells();
            let ratio = self.ours.run.images_per_second.median / run.images_per_second.median;
            let Shares { matrix, copy } = self.shares(run, card);
            table.add([
                name,
                or_dash(run.version.as_ref()),
                rate,
                range,
                format!("{ratio:.2}"),
                format!("{:.1}", matrix * 100.0),
                format!("{:.1}", copy * 100.0),
            ]);
        };
        add(if self.ours.captured { "ours" } else { "ours, no graph" }.to_owned(), &self.ours.run);
        for (mode, run) in &self.peers {
            add(format!("torch {}", mode.name()), run);
        }
        let mut text = format!(
            "batch {}: a step needs {:.2} GFLOP and moves {:.1} MB\n{table}",
            self.ours.run.batch,
            self.ours.operations_per_step as f64 / 1e9,
            self.ours.bytes_per_step as f64 / 1e6,
        );
        if let Some((mode, ratio)) = self.best_peer() {
            text += &format!("\nours trains {ratio:.2} times as fast as torch {}", mode.name());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::run::tests::{OURS, TORCH, read};
    use super::*;

    fn report(peers: Vec<(Mode, Run)>) -> Report {
        Report::of(Precision::F32, vec![Comparison { ours: read(OURS), peers }]).unwrap()
    }

    fn with_two_peers() -> Report {
        let mut eager: Run = read(TORCH);
        eager.images_per_second.median = 400.0;
        report(vec![(Mode::Eager, eager), (Mode::Graphs, read(TORCH))])
    }

    #[test]
    fn shares_are_work_by_time_of_what_the_card_can_do() {
        // 20 steps a second of 10^11 operations, of 4 * 10^12; of 10^9 bytes, of 50 * 10^9.
        let report = with_two_peers();
        let check = |run: &Run, matrix, copy| {
            assert_eq!(report.comparisons[0].shares(run, &report.card), Shares { matrix, copy });
        };
        check(&report.comparisons[0].ours.run, 0.5, 0.4);
        check(&report.comparisons[0].peers[0].1, 0.1, 0.08);
    }

    #[test]
    fn the_card_is_at_its_best_of_all_batches() {
        let (one, mut two): (Ours, Ours) = (read(OURS), read(OURS));
        (two.matrix_tflops, two.copy_gbs) = (8.0, 25.0);
        let comparisons = [one, two].map(|ours| Comparison { ours, peers: Vec::new() });
        let report = Report::of(Precision::Bf16, comparisons.into()).unwrap();
        assert_eq!((report.card.matrix_tflops, report.card.copy_gbs), (8.0, 50.0));
        assert!(Report::of(Precision::Bf16, Vec::new()).is_none());
    }

    #[test]
    fn the_json_has_null_for_what_was_not_measured() {
        let expected = r#"{"device":"Card","precision":"f32","matrix_tflops":4.0,"copy_gbs":50.0,"batches":[{"batch":100,
            "operations_per_step":100000000000,"bytes_per_step":1000000000,"captured":true,
            "ours":{"images_per_second":{"median":2000.0,"all":[1000.0,2000.0,6000.0]},"of_matrix_rate":0.5,"of_copy_rate":0.4,
                "loss":2.25},
            "torch":{"eager":null,"channels_last":null,"compile":null,"reduce_overhead":null,"compile_graphs":null,
                "graphs":{"images_per_second":{"median":1000.0,"all":[1000.0]},"of_matrix_rate":0.25,"of_copy_rate":0.2,
                    "loss":2.5,"version":"2.15"}},
            "best_peer":"graphs","ratio_to_best_peer":2.0}]}"#;
        let json = report(vec![(Mode::Graphs, read(TORCH))]).json();
        assert_eq!(json, serde_json::from_str::<Value>(expected).unwrap());
        assert_eq!(json.to_string().lines().count(), 1);
        let alone = report(Vec::new()).json();
        assert!(alone["batches"][0]["ratio_to_best_peer"].is_null(), "{alone}");
    }

    #[test]
    fn the_table_has_everyone() {
        let text = with_two_peers().text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "Card, f32: products of large matrices 4.000 TFLOP/s, copies 50 GB/s read and written"
        );
        assert_eq!(lines[2], "batch 100: a step needs 100.00 GFLOP and moves 1000.0 MB");
        let check = |line: usize, expected: &str| {
            assert_eq!(lines[line].split_whitespace().collect::<Vec<_>>().join(" "), expected);
        };
        check(3, "program version images/s least - most ours / it % of matrices % of copies");
        check(4, "ours - 2000 1000 - 6000 1.00 50.0 40.0");
        check(5, "torch eager 2.15 400 1000 - 1000 5.00 10.0 8.0");
        check(6, "torch graphs 2.15 1000 1000 - 1000 2.00 25.0 20.0");
        assert_eq!(lines[7], "ours trains 2.00 times as fast as torch graphs");
        assert_eq!(lines.len(), 8);
    }
}
