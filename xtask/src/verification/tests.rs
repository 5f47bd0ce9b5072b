//! Honest archives and tampered ones. Who tampers here knows the format: sums and md5 are made to fit again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::submission::archive::{self, Entry};
use crate::submission::test_run::{make_program, make_run, model};
use crate::submission::{Languages, Packing, pack};

/// The files of an archive that is to be tampered with.
type Files = BTreeMap<String, Vec<u8>>;

struct Archive {
    temp: tempfile::TempDir,
    files: Files,
}

impl Archive {
    /// An honest one.
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let (run, program) = (temp.path().join("run"), temp.path().join("program"));
        make_run(&run, 5);
        make_program(&program);
        let packing = Packing {
            out: Some(temp.path().join("honest.zip")),
            lang: Languages::Both,
            allow_dirty: false,
            max_size: 20,
        };
        let path = pack(&FinishedRun::open(&run).unwrap(), &packing, &program).unwrap().path;
        let unpacked = Unpacked::open(&path).unwrap();
        let read = |name: &String| (name.clone(), fs::read(unpacked.folder().join(name)).unwrap());
        let files = unpacked.sha256.keys().map(read).collect();
        Self { temp, files }
    }

    /// What fails after a change of the files: words that each stand in a line, in order.
    #[track_caller]
    fn check(&self, change: &dyn Fn(&mut Files), expected: &[&str]) {
        let mut files = self.files.clone();
        change(&mut files);
        let failed = failures(&self.write(files));
        let as_expected = failed.len() == expected.len()
            && failed.iter().zip(expected).all(|(line, part)| line.contains(part));
        assert!(as_expected, "expected {expected:?}, found {failed:#?}");
    }

    fn write(&self, files: Files) -> PathBuf {
        let path = self.temp.path().join("tampered.zip");
        let entries: Vec<Entry> = files.into_iter().map(|(name, content)| Entry { name, content }).collect();
        archive::write(&path, &entries).unwrap();
        path
    }
}

/// The lines of the checks that failed.
fn failures(path: &Path) -> Vec<String> {
    let mut failed = Vec::new();
    checks(path, None, &mut |check| {
        if check.has_failed() {
            failed.push(check.line());
        }
    });
    failed
}

/// Writes a text into a file in the place of another.
fn replace(files: &mut Files, name: &str, old: &str, new: &str) {
    let text = String::from_utf8(files[name].clone()).unwrap();
    assert!(text.contains(old), "{name} has no {old}");
    files.insert(name.to_owned(), text.replace(old, new).into_bytes());
}

/// Has SHA256SUMS fit the files.
fn fit_sums(files: &mut Files) {
    files.remove(sums::FILE);
    let entries: Vec<Entry> = files.iter().map(|(name, content)| Entry::new(name, content.clone())).collect();
    let sums = sums::entry(&entries);
    files.insert(sums.name, sums.content);
}

/// Puts another model in, and its md5 wherever it is told.
fn swap_model(files: &mut Files, model: Vec<u8>) {
    let md5 = |bytes: &[u8]| format!("{:x}", md5::compute(bytes));
    let (old, new) = (md5(&files["run/model.safetensors"]), md5(&model));
    files.insert("run/model.safetensors".to_owned(), model);
    for name in
        ["run/model.safetensors.md5", "run/results.toml", "run/report.html", "README.md", "README.pl.md"]
    {
        replace(files, name, &old, &new);
    }
}

#[test]
fn an_honest_archive_passes_every_check() {
    let archive = Archive::new();
    let mut lines = Vec::new();
    checks(&archive.temp.path().join("honest.zip"), None, &mut |check| lines.push(check.line()));
    assert!(
        lines.iter().all(|line| line.starts_with("ok ") || line.starts_with("skip trained again")),
        "{lines:#?}"
    );
    assert!(lines.len() >= 12, "{lines:#?}");
}

#[test]
fn a_tampered_accuracy_is_caught() {
    let archive = Archive::new();
    let history = |files: &mut Files| replace(files, "run/history.csv", "2,1,0.5,", "2,1,0.9,");
    archive.check(&history, &["SHA256SUMS", "history of history.csv", "README"]);
    let fitted = |files: &mut Files| {
        history(files);
        replace(files, "run/history.jsonl", "\"accuracy\":0.5", "\"accuracy\":0.9");
        replace(files, "README.md", "training accuracy 50.00 %", "training accuracy 90.00 %");
        replace(files, "README.pl.md", "zbiorze uczącym 50,00 %", "zbiorze uczącym 90,00 %");
        replace(files, "README.pl.md", "uczącym wynosi 50,00 %", "uczącym wynosi 90,00 %");
        fit_sums(files);
    };
    archive.check(&fitted, &["history of history.csv"]);
    let jsonl = |files: &mut Files| {
        replace(files, "run/history.jsonl", "\"accuracy\":0.5", "\"accuracy\":0.9");
        fit_sums(files);
    };
    archive.check(&jsonl, &["history.jsonl is not the history"]);
    let test = |files: &mut Files| {
        replace(files, "run/results.toml", "test-accuracy = 0.5", "test-accuracy = 0.9");
        replace(files, "README.md", "accuracy **50.00 %**", "accuracy **90.00 %**");
        replace(files, "README.pl.md", "**50,00 %**", "**90,00 %**");
        fit_sums(files);
    };
    archive.check(&test, &["test accuracy"]);
    // No sum of these is a number of pictures.
    let huge = |files: &mut Files| {
        let most = i64::MAX;
        replace(
            files,
            "run/results.toml",
            "[[1, 0], [1, 0]]",
            &format!("[[{most}, {most}], [{most}, {most}]]"),
        );
        fit_sums(files);
    };
    archive.check(&huge, &["the confusion of results.toml is of", "pictures/overview.png is not"]);
    let page = |files: &mut Files| {
        replace(files, "README.md", "accuracy **50.00 %**", "accuracy **90.00 %**");
        fit_sums(files);
    };
    archive.check(&page, &["README.md is not what the run's files give"]);
}

#[test]
fn a_swapped_model_is_caught() {
    let archive = Archive::new();
    let plain = |files: &mut Files| drop(files.insert("run/model.safetensors".to_owned(), model(0)));
    archive.check(&plain, &["SHA256SUMS", "md5", "histograms of epoch 2"]);
    // The model of the first epoch, and everything that tells its md5 made to fit.
    let fitted = |files: &mut Files| {
        swap_model(files, model(0));
        fit_sums(files);
    };
    archive.check(&fitted, &["histograms of epoch 2"]);
    let no_model = |files: &mut Files| {
        swap_model(files, b"weights".to_vec());
        fit_sums(files);
    };
    archive.check(&no_model, &["is no model file"]);
}

#[test]
fn a_changed_config_is_caught() {
    let archive = Archive::new();
    let config = |files: &mut Files| {
        replace(files, "run/config.toml", "seed = 0", "seed = 1");
        replace(files, "README.md", "seed 0", "seed 1");
        replace(files, "README.pl.md", "ziarno: 0", "ziarno: 1");
        fit_sums(files);
    };
    archive.check(&config, &["config.seed was 0 in training, config.toml says 1"]);
    let data = |files: &mut Files| {
        replace(files, "run/config.toml", "fingerprint = \"ab\"", "fingerprint = \"cd\"");
        replace(files, "README.md", "`ab`", "`cd`");
        replace(files, "README.pl.md", "`ab`", "`cd`");
        fit_sums(files);
    };
    archive.check(&data, &["data.fingerprint was \"ab\""]);
    let broken = |files: &mut Files| {
        replace(files, "run/config.toml", "[data]", "[date]");
        fit_sums(files);
    };
    archive.check(&broken, &["run/ is a finished run"]);
}

#[test]
fn painted_pictures_are_caught() {
    let archive = Archive::new();
    let painted = |files: &mut Files| {
        let accuracy = files["pictures/loss.png"].clone();
        files.insert("pictures/accuracy.png".to_owned(), accuracy);
        fit_sums(files);
    };
    archive.check(&painted, &["pictures/accuracy.png is not what"]);
    let missing = |files: &mut Files| {
        files.remove("pictures/histograms-dense.png");
        fit_sums(files);
    };
    archive.check(&missing, &["there is no pictures/histograms-dense.png"]);
    let events = |files: &mut Files| {
        let name = files.keys().find(|name| name.starts_with("run/train/")).unwrap().clone();
        files.get_mut(&name).unwrap()[100] ^= 1;
        fit_sums(files);
    };
    archive.check(&events, &["history", "histograms", "pictures", "README", "submission.toml"]);
}

#[test]
fn files_that_are_not_listed_and_ways_out_are_caught() {
    let archive = Archive::new();
    archive
        .check(&|files| drop(files.insert("program/more.rs".into(), Vec::new())), &["more.rs is not listed"]);
    archive.check(
        &|files| drop(files.remove("run/results.toml")),
        &["results.toml is missing", "no results.toml"],
    );
    archive
        .check(&|files| drop(files.insert("../evil".into(), Vec::new())), &["\"../evil\" leads out of it"]);
    archive.check(&|files| drop(files.insert("run/../../evil".into(), Vec::new())), &["leads out of it"]);
    assert!(!archive.temp.path().join("evil").exists());
    archive.check(&Files::clear, &["SHA256SUMS", "run/ is a finished run"]);
}

#[test]
fn the_command_fails_with_one_check() {
    let archive = Archive::new();
    let options = |file| Options {
        file,
        retrain: false,
        retraining: Retraining { data_dir: "data".into(), dataset: None },
    };
    run(&options(archive.temp.path().join("honest.zip"))).unwrap();
    let mut files = archive.files.clone();
    files.insert("README.md".into(), b"All is well.".to_vec());
    let error = run(&options("nowhere.zip".into())).unwrap_err().to_string();
    assert_eq!(error, "there is no file nowhere.zip");
    let error = run(&options(archive.write(files))).unwrap_err().to_string();
    assert_eq!(error, "the archive is not what it says: see FAIL above");
}
