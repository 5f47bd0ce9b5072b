//! What a run's event files tell, against its other files; knows nothing of archives.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tensorboard::{Data, Run, RunData, ScalarPoint};

use crate::finished_run::{Epoch, FinishedRun};

/// That every accuracy, loss and learning rate of history.csv and history.jsonl is in the event files, and no epoch
/// more.
pub(super) fn history(run: &FinishedRun) -> Result<()> {
    let read = |part: &str| -> Result<RunData> { Ok(Run::open(run.folder.join(part))?.read()?) };
    let (train, validation) = (read("train")?, read("validation")?);
    let check = |data: &RunData, part: &str, tag: &str, of: &dyn Fn(&Epoch) -> f32| -> Result<()> {
        let points = data.scalars.get(tag).map(Vec::as_slice).unwrap_or_default();
        same(points, &run.history, of).with_context(|| format!("{part}, {tag}"))
    };
    check(&train, "train", "epoch_loss", &|epoch| epoch.loss)?;
    check(&train, "train", "epoch_accuracy", &|epoch| epoch.accuracy)?;
    check(&train, "train", "epoch_learning_rate", &|epoch| epoch.learning_rate as f32)?;
    check(&validation, "validation", "epoch_loss", &|epoch| epoch.val_loss)?;
    check(&validation, "validation", "epoch_accuracy", &|epoch| epoch.val_accuracy)?;
    let lines = String::from_utf8(run.read("history.jsonl")?).context("history.jsonl is no text")?;
    let lines: Vec<Line> = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .context("history.jsonl is not what the trainer writes")?;
    let of_lines: Vec<Epoch> = lines.into_iter().map(Epoch::from).collect();
    ensure!(of_lines == run.history, "history.jsonl is not the history of history.csv");
    Ok(())
}

/// That the configuration and the pictures of config.toml are those that the run began with.
pub(super) fn settings(run: &FinishedRun) -> Result<()> {
    let mut logged = None;
    for sample in Run::open(&run.folder)?.samples()? {
        let sample = sample?;
        if let ("config", Data::Text(texts)) = (&*sample.tag, sample.data) {
            logged = Some(texts.concat());
        }
    }
    let logged = logged.context("the event files have no text named config")?;
    let toml: String =
        logged.lines().map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line))).collect();
    let logged: toml::Table = toml.parse().context("the text named config is no TOML")?;
    let written: toml::Table = String::from_utf8(run.read("config.toml")?)?.parse()?;
    for table in ["config", "data"] {
        let [logged, written] = [&logged, &written].map(|all| all.get(table).and_then(toml::Value::as_table));
        let (logged, written) = logged.zip(written).with_context(|| format!("there is no table {table}"))?;
        let names = logged.keys().chain(written.keys());
        if let Some(name) = names.into_iter().find(|name| logged.get(*name) != written.get(*name)) {
            let shown =
                |table: &toml::Table| table.get(name).map_or("nothing".to_owned(), ToString::to_string);
            anyhow::bail!(
                "{table}.{name} was {} in training, config.toml says {}",
                shown(logged),
                shown(written)
            );
        }
    }
    Ok(())
}

/// That loss and accuracy of the test are those that training wrote, and that the confusion is of this accuracy.
pub(super) fn results(run: &FinishedRun) -> Result<()> {
    let data = Run::open(&run.folder)?.read()?;
    for (tag, expected) in
        [("test_accuracy", run.results.test_accuracy), ("test_loss", run.results.test_loss)]
    {
        let found = data.scalars.get(tag).and_then(|points| points.last());
        let found = found.with_context(|| format!("the event files have no {tag}"))?.value;
        ensure!(
            found.to_bits() == (expected as f32).to_bits(),
            "{tag} was {found} in training, results.toml says {expected}"
        );
    }
    let confusion = &run.results.confusion;
    // Counts of strangers: their sum may be more than there is room for.
    let sum = |count: u64, more: &u64| count.saturating_add(*more);
    let right = confusion.iter().enumerate().filter_map(|(class, row)| row.get(class)).fold(0, sum);
    let all = confusion.iter().flatten().fold(0, sum);
    ensure!(
        all == run.data.test as u64,
        "the confusion of results.toml is of {all} pictures, the test of {}",
        run.data.test
    );
    let share = (right as f64 / all.max(1) as f64) as f32;
    ensure!(
        (share - run.results.test_accuracy as f32).abs() < 1e-6,
        "{right} of {all} pictures on the diagonal of the confusion are not an accuracy of {}",
        run.results.test_accuracy
    );
    Ok(())
}

fn same(points: &[ScalarPoint], history: &[Epoch], of: &dyn Fn(&Epoch) -> f32) -> Result<()> {
    ensure!(
        points.len() == history.len(),
        "there are {} epochs in the event files and {} in history.csv",
        points.len(),
        history.len()
    );
    for (point, epoch) in points.iter().zip(history) {
        ensure!(
            point.step.0.checked_add(1) == i64::try_from(epoch.number).ok()
                && point.value.to_bits() == of(epoch).to_bits(),
            "epoch {} was {} in training, history.csv says {}",
            point.step.0.saturating_add(1),
            point.value,
            of(epoch)
        );
    }
    Ok(())
}

/// A line of history.jsonl.
#[derive(Deserialize)]
struct Line {
    epoch: u64,
    loss: Option<f32>,
    accuracy: Option<f32>,
    val_loss: Option<f32>,
    val_accuracy: Option<f32>,
    learning_rate: f64,
}

impl From<Line> for Epoch {
    fn from(line: Line) -> Self {
        // JSON has no NaN.
        let number = |value: Option<f32>| value.unwrap_or(f32::NAN);
        Self {
            number: line.epoch,
            loss: number(line.loss),
            accuracy: number(line.accuracy),
            val_loss: number(line.val_loss),
            val_accuracy: number(line.val_accuracy),
            learning_rate: line.learning_rate,
        }
    }
}
