//! What was measured of all writers, side by side; knows nothing of how.

use serde_json::{Map, Value, json};

use super::one_core::Core;
use super::peers::Peer;
use super::speed::Speed;
use crate::bench::measured::Rates;
use crate::bench::table::Table;

/// All rounds of all programs.
#[derive(Debug)]
pub(super) struct Report {
    /// Where they were held.
    pub(super) core: Option<Core>,
    pub(super) ours: Speed,
    pub(super) peers: Vec<(Peer, Speed)>,
}

/// What is compared.
#[derive(Clone, Copy, Debug)]
enum Work {
    Scalars,
    Histograms,
}

impl Work {
    fn of(self, speed: &Speed) -> &Rates {
        match self {
            Self::Scalars => &speed.scalars,
            Self::Histograms => &speed.histograms,
        }
    }
}

impl Report {
    /// The fastest peer at something, and how many times as fast as it we are.
    fn best_peer(&self, work: Work) -> Option<(Peer, f64)> {
        let rate = |speed: &Speed| work.of(speed).median;
        let best = self.peers.iter().max_by(|(_, a), (_, b)| rate(a).total_cmp(&rate(b)))?;
        Some((best.0, rate(&self.ours) / rate(&best.1)))
    }

    pub(super) fn json(&self) -> Value {
        let peers = Peer::ALL.into_iter().map(|name| {
            let found = self.peers.iter().find(|(peer, _)| *peer == name);
            (name.name().to_owned(), json!(found.map(|(_, speed)| speed)))
        });
        let ratio = |work: Work| self.best_peer(work).map(|(_, ratio)| thousandths(ratio));
        let ours = json!({
            "ours": self.ours,
            "held_on_one_core": self.core.is_some(),
            "share_of_bound": self.ours.share_of_bound().map(thousandths),
            "ratio_to_best_peer": {
                "scalars": ratio(Work::Scalars),
                "histograms": ratio(Work::Histograms),
            },
        });
        let mut all: Map<String, Value> = peers.collect();
        if let Value::Object(ours) = ours {
            all.extend(ours);
        }
        Value::Object(all)
    }

    pub(super) fn text(&self) -> String {
        let mut lines = vec![if self.core.is_some() {
            "each program on one core, its threads too; a rate counts until the file is closed".to_owned()
        } else {
            "programs may use several cores; a rate counts until the file is closed".to_owned()
        }];
        lines.push(self.table(Work::Scalars, "scalars/s", |speed| speed.bytes_per_scalar).to_string());
        lines.push(String::new());
        let table = self.table(Work::Histograms, "histograms/s", |speed| speed.bytes_per_histogram);
        lines.push(table.to_string());
        if self.peers.iter().any(|(peer, _)| matches!(peer, Peer::TensorboardRs | Peer::Tboard)) {
            lines.push(
                "(65,536 f32; tensorboard-rs and tboard take ready buckets, which a plain loop makes)"
                    .to_owned(),
            );
        }
        lines.push(String::new());
        for (work, name) in [(Work::Scalars, "scalars"), (Work::Histograms, "histograms")] {
            if let Some((peer, ratio)) = self.best_peer(work) {
                lines.push(format!("ours writes {name} {ratio:.1} times as fast as {}", peer.name()));
            }
        }
        let ours = &self.ours;
        if let (Some(bound), Some(share)) = (&ours.histograms_bound, ours.share_of_bound()) {
            let [rate, range] = bound.cells();
            lines.push(format!(
                "smallest and largest of the values: {rate} a second ({range}); a histogram has {:.1} % of that",
                100.0 * share
            ));
        }
        for (name, rates) in [("scalars", &ours.scalars_read), ("a run of Keras' kind", &ours.mixed_read)] {
            if let Some([rate, range]) = rates.as_ref().map(Rates::cells) {
                lines.push(format!("ours reads {name}: {rate} MB/s ({range})"));
            }
        }
        lines.join("\n")
    }

    fn table(&self, work: Work, unit: &str, bytes: fn(&Speed) -> u64) -> Table<6> {
        let mut table = Table::new(["writer", "version", unit, "least - most", "ours / it", "bytes"]);
        let ours = ("ours", &self.ours);
        for (name, speed) in
            std::iter::once(ours).chain(self.peers.iter().map(|(peer, speed)| (peer.name(), speed)))
        {
            let [rate, range] = work.of(speed).cells();
            let ratio = work.of(&self.ours).median / work.of(speed).median;
            let bytes = bytes(speed).to_string();
            table.add([name.to_owned(), speed.version.clone(), rate, range, format!("{ratio:.2}"), bytes]);
        }
        table
    }
}

fn thousandths(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::super::speed::tests::{OURS, TORCH, speed};
    use super::*;

    fn report() -> Report {
        let mut tboard = speed(TORCH);
        tboard.scalars.median = 500.0;
        tboard.histograms.median = 1.0;
        let peers = vec![(Peer::Torch, speed(TORCH)), (Peer::Tboard, tboard)];
        Report { core: None, ours: speed(OURS), peers }
    }

    #[test]
    fn the_ratio_is_to_the_fastest_at_that_work() {
        let report = report();
        assert_eq!(report.best_peer(Work::Scalars), Some((Peer::Tboard, 2.0)));
        assert_eq!(report.best_peer(Work::Histograms), Some((Peer::Torch, 5.0)));
        assert_eq!(Report { peers: Vec::new(), ..report }.best_peer(Work::Scalars), None);
    }

    #[test]
    fn the_json_has_null_for_who_is_missing() {
        let json = report().json();
        assert_eq!(json["ours"]["scalars"]["median"], 1000.0);
        assert_eq!(json["torch"]["bytes_per_histogram"], 13000);
        assert!(json["tensorboardX"].is_null() && json.get("tensorboard-rs").is_some(), "{json}");
        assert_eq!(json["ratio_to_best_peer"], json!({"scalars": 2.0, "histograms": 5.0}));
        assert_eq!((&json["share_of_bound"], &json["held_on_one_core"]), (&json!(0.25), &json!(false)));
        assert_eq!(json.to_string().lines().count(), 1);
    }

    #[test]
    fn the_text_has_everyone() {
        let text = report().text();
        let rows = |name: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| line.starts_with(name));
            lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
        };
        assert_eq!(rows("torch"), ["torch 2.9 100 100 - 100 10.00 50", "torch 2.9 10 10 - 10 5.00 13000"]);
        assert_eq!(rows("tboard")[0], "tboard 2.9 500 100 - 100 2.00 50");
        assert_eq!(
            rows("ours writes"),
            [
                "ours writes scalars 2.0 times as fast as tboard",
                "ours writes histograms 5.0 times as fast as torch",
            ]
        );
        assert_eq!(
            rows("ours reads"),
            [
                "ours reads scalars: 500 MB/s (500 - 500)",
                "ours reads a run of Keras' kind: 700 MB/s (700 - 700)",
            ]
        );
        assert!(text.contains("200 a second (200 - 200); a histogram has 25.0 % of that"), "{text}");
    }
}
