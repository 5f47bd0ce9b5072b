//! A run as one HTML page: gathers what the page tells from the run's files, its network and its pictures.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use figures::report::{ClassRow, Diagnosis, Mistake, Report, Table, report as page};
use figures::{Calibration, ConfidenceBin, Confusion, Thumbnail};
use model::Network;
use tensorboard::{Run, RunData};

use crate::Result;
use crate::data::Data;
use crate::evaluate::{answers, evaluation_loader};
use crate::history::EpochRecord;
use crate::run::{Results, diagnosed};
use crate::saved_run::SavedRun;
use crate::scores::Scores;

/// The page's file in a run's folder.
pub const REPORT_FILE: &str = "report.html";

/// Mistakes that are shown.
const MISTAKES: usize = 24;

/// The page of a run, from its network's answers to the test pictures.
///
/// # Errors
/// If the run's files cannot be read, or the pictures do not fit the network.
pub fn report(run: &SavedRun, data: &Data, network: &Network, results: Option<&Results>) -> Result<String> {
    let history = run.history()?;
    let loader = evaluation_loader(&data.dataset, &data.split.test)?;
    let answers = answers(network, &loader, &AtomicBool::new(false))?.unwrap_or_default();
    let scores = Scores::of(data.dataset.classes(), &answers.logits, &answers.labels)?;
    let read = |part: &str| -> Result<RunData> {
        let folder = run.folder.join(part);
        if folder.is_dir() { Ok(Run::open(folder)?.read()?) } else { Ok(RunData::default()) }
    };
    let name = run.folder.file_name().map_or_else(|| "run".into(), |name| name.to_string_lossy());
    let diagnosis = diagnosed(&history, data.dataset.classes().len());
    Ok(page(&Report {
        title: format!("{name}: {} on {}", run.config().model, run.config().dataset),
        subtitle: format!("{}; {}", run.record.data.description, data.split.proportions()),
        results: facts(results, &scores, &history),
        settings: settings(run),
        diagnosis: Some(Diagnosis {
            verdict: diagnosis.verdict.to_string(),
            evidence: diagnosis.evidence,
            advice: diagnosis.advice,
        }),
        train: read("train")?,
        validation: read("validation")?,
        epochs: epochs(&history),
        layers: layers(network),
        classes: classes(&scores),
        confusion: Some(Confusion {
            classes: data.dataset.classes().to_vec(),
            counts: scores.confusion.clone(),
        }),
        calibration: Some(calibration(&scores)),
        mistakes: mistakes(data, &scores),
        model_md5: results.map(|results| results.model_md5.clone()),
    })?)
}

fn facts(results: Option<&Results>, scores: &Scores, history: &[EpochRecord]) -> Vec<(String, String)> {
    let mut facts = vec![
        ("Test accuracy".to_owned(), format!("{:.2} %", scores.accuracy * 100.0)),
        ("Test loss".to_owned(), format!("{:.4}", scores.loss)),
        ("In the likeliest two".to_owned(), format!("{:.2} %", scores.top2_accuracy * 100.0)),
        ("In the likeliest three".to_owned(), format!("{:.2} %", scores.top3_accuracy * 100.0)),
    ];
    if let Some(last) = history.last() {
        facts.push(("Validation accuracy".to_owned(), format!("{:.2} %", last.val_accuracy * 100.0)));
        facts.push(("Training accuracy".to_owned(), format!("{:.2} %", last.accuracy * 100.0)));
        facts.push(("Epochs".to_owned(), last.epoch.to_string()));
    }
    match results {
        Some(results) => facts.push(("Seconds of training".to_owned(), format!("{:.1}", results.seconds))),
        None => facts.push(("State".to_owned(), "not finished".to_owned())),
    }
    facts
}

/// All settings as config.toml has them, and how the run was started.
fn settings(run: &SavedRun) -> Vec<(String, String)> {
    let table = toml::Table::try_from(run.config()).unwrap_or_default();
    let text = |value: &toml::Value| match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Table(_) => run.config().model.to_string(),
        value => value.to_string(),
    };
    let mut settings: Vec<(String, String)> =
        table.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    settings.push(("fingerprint of the pictures".to_owned(), run.record.data.fingerprint.clone()));
    settings.push(("command".to_owned(), run.record.run.command.join(" ")));
    settings
}

fn epochs(history: &[EpochRecord]) -> Table {
    let columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning rate", "seconds"];
    let row = |record: &EpochRecord| {
        vec![
            record.epoch.to_string(),
            format!("{:.4}", record.loss),
            format!("{:.4}", record.accuracy),
            format!("{:.4}", record.val_loss),
            format!("{:.4}", record.val_accuracy),
            format!("{:.3e}", record.learning_rate),
            format!("{:.1}", record.seconds),
        ]
    };
    Table { columns: columns.map(str::to_owned).to_vec(), rows: history.iter().map(row).collect() }
}

fn layers(network: &Network) -> Table {
    let columns = ["layer", "kind", "output", "parameters", "multiply-adds"];
    let rows = network.architecture().layers().iter().map(|layer| {
        let shape: Vec<String> = layer.output.iter().map(ToString::to_string).collect();
        vec![
            layer.name.clone(),
            layer.layer.keras_class().to_owned(),
            shape.join(" x "),
            layer.parameter_count().to_string(),
            layer.multiply_adds().to_string(),
        ]
    });
    Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
}

fn classes(scores: &Scores) -> Vec<ClassRow> {
    let row = |class: &crate::scores::ClassScores| ClassRow {
        name: class.name.clone(),
        pictures: class.support,
        precision: class.precision,
        recall: class.recall,
        f1: class.f1,
    };
    scores.classes.iter().map(row).collect()
}

fn calibration(scores: &Scores) -> Calibration {
    let bins = scores.calibration.bins.iter().map(|bin| ConfidenceBin {
        count: bin.count,
        confidence: bin.confidence,
        accuracy: bin.accuracy,
    });
    Calibration { bins: bins.collect() }
}

fn mistakes(data: &Data, scores: &Scores) -> Vec<Mistake> {
    let pictures = data.dataset.pictures();
    let shape = pictures.shape();
    let names: BTreeMap<usize, &String> = (0..).zip(data.dataset.classes()).collect();
    let shown = scores.most_confident_mistakes(MISTAKES).into_iter().filter_map(|mistake| {
        let place = *data.split.test.get(mistake.index)?;
        Some(Mistake {
            picture: Thumbnail::of_planes(
                [shape.channels, shape.height, shape.width],
                pictures.picture(place),
            )?,
            truth: (*names.get(&mistake.truth)?).clone(),
            predicted: (*names.get(&mistake.predicted)?).clone(),
            confidence: f64::from(mistake.confidence),
        })
    });
    shown.collect()
}
