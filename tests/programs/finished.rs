//! What can be done with finished runs: evaluate, predict, compare, export; and what is printed for programs.

use std::fs::{self, File};
use std::path::Path;

use serde_json::Value;
use tensorboard::Image;

use crate::program::{Ended, command, trainer};
use crate::run_files::{history, md5, setting};

/// A finished run in `folder`.
fn train(folder: &Path, options: &str) {
    trainer(folder, &format!("--dataset shapes --limit 200 --quiet {options}")).with(0);
}

/// Every line of a text as JSON.
#[track_caller]
fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

#[track_caller]
fn near(found: &Value, expected: f64) {
    assert!((found.as_f64().unwrap() - expected).abs() < 1e-6, "{found} is not {expected}");
}

#[test]
fn evaluate_finds_what_the_run_found() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), "--epochs 3 --run-dir run");
    let run = folder.path().join("run");
    let result = |name: &str| setting(&run, "results.toml", name).as_float().unwrap();
    let (accuracy, loss) = (result("test-accuracy"), result("test-loss"));
    let table = trainer(folder.path(), "evaluate run").with(0).stdout;
    assert!(table.starts_with(&format!("pictures 50, accuracy {accuracy:.4}, loss {loss:.4}\n")), "{table}");
    for word in ["precision", "recall", "F1", "confusion", "calibration", "crescent"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    let object = |options: &str| {
        let lines =
            json_lines(&trainer(folder.path(), &format!("evaluate run --json {options}")).with(0).stdout);
        assert_eq!(lines.len(), 1);
        lines.into_iter().next().unwrap()
    };
    let test = object("");
    near(&test["accuracy"], accuracy);
    near(&test["loss"], loss);
    let confusion = test["confusion"].as_array().unwrap().iter().map(|row| row.as_array().unwrap());
    let counts: Vec<u64> = confusion.flatten().map(|count| count.as_u64().unwrap()).collect();
    assert_eq!((counts.len(), counts.iter().sum::<u64>()), (100, 50));
    let right: u64 = counts.iter().step_by(11).sum();
    near(&test["accuracy"], right as f64 / 50.0);
    let written = setting(&run, "results.toml", "confusion");
    let written = written.as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
    assert!(written.map(|count| count.as_integer().unwrap() as u64).eq(counts));

    // The last epoch's weights are the checkpoint's and the model's.
    let [.., last] = &history(&run)[..] else { panic!("no epoch") };
    for weights in ["final", "last"] {
        near(&object(&format!("--part validation --weights {weights}"))["accuracy"], last[4]);
    }
    let ended = trainer(folder.path(), "evaluate nowhere").with(2);
    assert!(ended.stderr.starts_with("error: no run in nowhere: "), "{}", ended.stderr);
}

#[test]
fn predict_answers_for_each_picture_that_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), "--epochs 1 --run-dir run");
    let write = |name: &str, side: usize| {
        let planes: Vec<u8> = (0..3 * side * side).map(|i| (i * 5 % 251) as u8).collect();
        fs::write(folder.path().join(name), Image::chw([3, side, side], &planes).unwrap().as_bytes())
            .unwrap();
    };
    write("a.png", 32);
    write("b.png", 50);
    fs::write(folder.path().join("broken.png"), "no picture").unwrap();

    let ended = trainer(folder.path(), "predict run a.png broken.png b.png").with(1);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(matches!(lines[..], [a, b] if a.starts_with("a.png: ") && b.starts_with("b.png: ")), "{lines:?}");
    assert!(lines.iter().all(|line| line.matches(" %").count() == 3), "{lines:?}");
    assert!(ended.stderr.starts_with("error: ") && ended.stderr.contains("broken.png"), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);

    let answers =
        json_lines(&trainer(folder.path(), "predict run --json --top 10 a.png b.png").with(0).stdout);
    assert_eq!([&answers[0]["file"], &answers[1]["file"]], ["a.png", "b.png"]);
    let sure =
        answers[0]["predictions"].as_array().unwrap().iter().map(|it| it["probability"].as_f64().unwrap());
    let sure: Vec<f64> = sure.collect();
    assert!(sure.len() == 10 && sure.is_sorted_by(|a, b| a >= b), "{sure:?}");
    assert!((sure.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{sure:?}");

    let from = |file: &str| -> Ended {
        let file = File::open(folder.path().join(file)).unwrap();
        command(folder.path(), "predict run --json --top 10 -").stdin(file).output().unwrap().into()
    };
    assert_eq!(json_lines(&from("a.png").with(0).stdout)[0]["predictions"], answers[0]["predictions"]);
    let ended = from("broken.png").with(1);
    assert!(
        ended.stderr.starts_with("error: ") && ended.stderr.contains("standard input"),
        "{}",
        ended.stderr
    );
}

#[test]
fn compare_sets_runs_beside_each_other() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), "--epochs 2 --run-dir runs/one");
    train(folder.path(), "--epochs 1 --seed 1 --run-dir runs/two");
    let table = trainer(folder.path(), "compare runs/one runs/two --out both.png").with(0).stdout;
    let lines: Vec<&str> = table.lines().collect();
    let [head, one, two] = lines[..] else { panic!("{table}") };
    assert!(head.starts_with("run ") && one.starts_with("one ") && two.starts_with("two "), "{table}");
    let tested =
        setting(&folder.path().join("runs/one"), "results.toml", "test-accuracy").as_float().unwrap();
    assert!(one.contains(&format!(" {tested:.4} ")), "{table}");
    assert!(fs::read(folder.path().join("both.png")).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));

    let rows = json_lines(&trainer(folder.path(), "compare runs/one runs/two --json").with(0).stdout);
    assert_eq!(rows[0][0]["history"].as_array().unwrap().len(), 2);
    assert_eq!(rows[0][1]["config"]["seed"], 1);
    trainer(folder.path(), "compare runs/one runs/three").with(2);
}

#[test]
fn an_export_is_a_protobuf_and_always_the_same() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), "--epochs 1 --run-dir run");
    assert_eq!(trainer(folder.path(), "export run").with(0).stdout, "run/model.onnx\n");
    let once = fs::read(folder.path().join("run/model.onnx")).unwrap();
    // Field 1, a varint: the version of the format; then field 2, a string: who made it.
    assert!(once[0] == 0x08 && once[2] == 0x12, "{:x?}", &once[..4]);
    assert!(once.len() > 4 * 122_570, "{} bytes hold no weights", once.len());
    trainer(folder.path(), "export run --out again.onnx").with(0);
    assert!(fs::read(folder.path().join("again.onnx")).unwrap() == once, "another file");
    trainer(folder.path(), "export run --out no/folder.onnx").with(1);
}

#[test]
fn programs_get_json_and_the_quiet_get_results_alone() {
    let folder = tempfile::tempdir().unwrap();
    let options = "train --dataset shapes --limit 200 --epochs 2";
    let lines =
        json_lines(&trainer(folder.path(), &format!("{options} --json --run-dir one")).with(0).stdout);
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).collect::<Vec<_>>();
    let (epochs, finished) = (of("epoch"), of("finished"));
    assert_eq!((epochs.len(), finished.len(), of("step").len() + 3), (2, 1, lines.len()));
    for (epoch, row) in epochs.iter().zip(history(&folder.path().join("one"))) {
        near(&epoch["val_loss"], row[3]);
    }
    assert_eq!(finished[0]["results"]["model-md5"], md5(&folder.path().join("one")));
    // Of a run that is finished the same again.
    let again = trainer(folder.path(), "train --resume one --json").with(0).stdout;
    assert_eq!(json_lines(&again), [finished[0].clone()]);

    let quiet = trainer(folder.path(), &format!("{options} --quiet --run-dir two")).with(0);
    let lines: Vec<&str> = quiet.stdout.lines().collect();
    assert!(
        matches!(lines[..], [_, _, _, test, sum] if test.starts_with("test: accuracy ")
        && sum.ends_with("  two/model.safetensors")),
        "{lines:?}"
    );
    assert_eq!(quiet.stderr, "");
}

#[test]
fn the_program_explains_itself() {
    let folder = tempfile::tempdir().unwrap();
    let said = |options: &str| trainer(folder.path(), options).with(0).stdout;
    let script = said("completions bash");
    assert!(script.starts_with("_trainer() {") && script.contains("--early-stopping"), "{script}");
    let manual = said("man");
    assert!(manual.contains(".TH trainer 1"), "{manual}");
    for command in ["train", "evaluate", "predict", "compare", "export", "dataset", "preview", "summary"] {
        assert!(manual.contains(&format!(".TH trainer-{command} 1 ")), "{command}");
        assert!(said("--help").contains(&format!("\n  {command} ")), "{command}");
    }
    let help = said("train --help");
    for words in ["\nExamples:\n", "trainer train --resume latest", "\nExit codes: 0 done", "--time-limit"] {
        assert!(help.contains(words), "{words}: {help}");
    }
    trainer(folder.path(), "completions cmd").with(2);
}
