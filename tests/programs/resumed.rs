//! Killed at any moment and resumed, a run ends as one that nobody stopped: same weights, same charts, same history.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::charts::{Charts, charts, check_same_charts};
use crate::program::trainer;
use crate::run_files::{history, list, md5};
use crate::running::Running;

/// Everything that a run can write, and that a resumed one could write twice or not at all.
const TUTORIAL: &str = "--dataset shapes --limit 300 --epochs 6 --augment light --early-stopping 30 --keep-every 2 \
    --log-every 4 --log-pictures 3 --log-gradients";
/// Batch norms with running statistics, dropout, an optimizer with decay, a schedule that knows the last step.
const TUTORIAL_PLUS: &str =
    "--preset tutorial-plus --dataset shapes --limit 100 --epochs 3 --batch-size 32 --clip-norm 5";

/// What is to be reached, and how long it takes.
struct Whole {
    options: &'static str,
    /// The folder of a run that nobody stopped.
    run: tempfile::TempDir,
    charts: Charts,
    life: Duration,
}

impl Whole {
    #[track_caller]
    fn train(options: &'static str) -> Self {
        let run = tempfile::tempdir().unwrap();
        let began = Instant::now();
        trainer(run.path(), &format!("train {options} --run-dir run --threads 1 --quiet")).with(0);
        let life = began.elapsed();
        let charts = charts(&run.path().join("run"));
        Self { options, run, charts, life }
    }

    /// Starts a run, or goes on with it where it has got as far as its `config.toml`.
    fn command(&self, folder: &Path, how: &str) -> String {
        let run = folder.join("run");
        if run.join("config.toml").exists() {
            return format!("train --resume run --quiet {how}");
        }
        if run.exists() {
            fs::remove_dir_all(&run).unwrap();
        }
        format!("train {} --run-dir run --quiet {how}", self.options)
    }

    /// Kills a run at these parts of its life, each time after it was taken up again, then lets it end. Gives how often
    /// it was running yet.
    #[track_caller]
    fn check(&mut self, how: &str, moments: &[f64]) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let mut killed = 0;
        for &moment in moments {
            let mut program = Running::start(folder.path(), &self.command(folder.path(), how));
            sleep(self.life.mul_f64(moment));
            if !program.kill() {
                // It had ended: the machine was busier when the life was measured.
                self.life = self.life.mul_f64(0.9);
                break;
            }
            killed += 1;
        }
        // Threads may change from one program to the next.
        let how = how.replace("--threads 1", "--threads 3");
        trainer(folder.path(), &self.command(folder.path(), &how)).with(0);
        let (found, expected) = (folder.path().join("run"), self.run.path().join("run"));
        assert_eq!(md5(&found), md5(&expected), "{how}, killed at {moments:?}");
        check_same_charts(&charts(&found), &self.charts);
        assert_eq!(without_time(&found), without_time(&expected));
        assert_eq!(files(&found), files(&expected), "nothing is missing, nothing half written is left");
        killed
    }

    /// Kills ten runs, each in another tenth of its life, two of them again while they go on.
    #[track_caller]
    fn check_ten(mut self, how: &str) {
        let mut random = Random::seeded();
        let mut killed = 0;
        for tenth in 0..10 {
            let mut moments = vec![(f64::from(tenth) + random.next()) / 10.0];
            moments.extend((0..tenth % 5 / 3).map(|_| random.next() / 2.0));
            killed += self.check(how, &moments);
        }
        assert!(killed >= 5, "only {killed} programs were killed, the others had ended by then");
    }
}

/// What the history says, but for the seconds.
fn without_time(run: &Path) -> Vec<Vec<f64>> {
    let rows: Vec<Vec<f64>> = history(run).iter().map(|row| row[..6].to_vec()).collect();
    let lines = fs::read_to_string(run.join("history.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), rows.len());
    for (line, row) in lines.lines().zip(&rows) {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(object["epoch"].as_f64(), Some(row[0]), "{line}");
        assert_eq!(object["val_loss"].as_f64().map(|loss| loss as f32), Some(row[3] as f32), "{line}");
    }
    rows
}

/// The names of a run's files. Each resume leaves an empty event file for readers that have it open.
fn files(run: &Path) -> Vec<String> {
    let mut files = list(run);
    files.dedup();
    files
}

/// Numbers in [0, 1) that are others in each run of the tests.
struct Random(u64);

impl Random {
    /// Prints its seed, which is shown where a test fails.
    #[expect(clippy::print_stdout, reason = "for whoever has to repeat a failure")]
    fn seeded() -> Self {
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        println!("seed {seed}");
        Self(seed)
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014).
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[test]
fn a_run_with_a_checkpoint_after_each_step_survives_kills() {
    Whole::train(TUTORIAL).check_ten("--threads 1 --save-every 0");
}

#[test]
fn a_run_with_a_checkpoint_after_each_epoch_survives_kills() {
    Whole::train(TUTORIAL).check_ten("--threads 1");
}

#[test]
fn batch_norms_dropout_and_a_schedule_go_on_as_they_were() {
    let mut whole = Whole::train(TUTORIAL_PLUS);
    let mut random = Random::seeded();
    for third in 0..3 {
        whole.check("--threads 1 --save-every 0", &[(f64::from(third) + random.next()) / 3.0]);
    }
}
