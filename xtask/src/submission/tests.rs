//! The whole packing of a small made-up run.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;

use tensorboard::{Step, Writer};

use super::*;

const LAYERS: [&str; 2] = ["conv2d", "dense"];

/// A finished run of two epochs in `folder`.
fn make_run(folder: &Path, started: u64) {
    let config = format!(
        "[config]\ndataset = \"shapes\"\nvalidation = \"holdout\"\naugment = \"none\"\nmodel = \"tutorial\"\nepochs = 2\n\
         batch-size = 32\noptimizer = \"adam\"\nlearning-rate = 0.001\nseed = 0\ndevice = \"cpu\"\n\
         [data]\nsource = \"shapes\"\ndescription = \"shapes (drawn pictures, not CIFAR-10)\"\nfingerprint = \"ab\"\n\
         train = 8\nvalidation = 2\ntest = 2\nclasses = [\"disc\"]\n\
         [run]\ncommand = [\"trainer\", \"--dataset\", \"shapes\"]\ntrainer = \"0.1.0\"\nstarted = {started}\n"
    );
    let md5 = format!("{:x}", md5::compute(b"weights"));
    let history = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n\
                   1,2,0.1,2,0.25,0.001,1\n2,1,0.5,1,0.2,0.001,1\n";
    fs::create_dir_all(folder).unwrap();
    for (name, content) in [
        ("config.toml", config.as_str()),
        ("history.csv", history),
        ("model.safetensors", "weights"),
        ("model.safetensors.md5", &format!("{md5}  model.safetensors\n")),
        (
            "results.toml",
            &format!(
                "test-loss = 1.5\ntest-accuracy = 0.5\nmodel-md5 = \"{md5}\"\nepochs = 2\nseconds = 2.0\n"
            ),
        ),
    ] {
        fs::write(folder.join(name), content).unwrap();
    }
    for part in ["train", "validation"] {
        let mut writer = Writer::create(folder.join(part)).unwrap();
        for epoch in 0..2 {
            writer.scalar("epoch_accuracy", Step(epoch), 0.5).unwrap();
            writer.scalar("epoch_loss", Step(epoch), 1.0).unwrap();
            for layer in LAYERS.iter().filter(|_| part == "train") {
                let tag = format!("sequential/{layer}/kernel/histogram");
                writer.histogram(&tag, Step(epoch), &[0.5f32, -0.25, epoch as f32]).unwrap();
            }
        }
        writer.close().unwrap();
    }
}

fn options(runs: &Path, run: &str, out: &Path) -> Options {
    Options { run: run.to_owned(), out: Some(out.to_owned()), runs_dir: runs.to_owned() }
}

fn unpack(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    (0..zip.len())
        .map(|i| {
            let mut file = zip.by_index(i).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            (file.name().unwrap().into_owned(), content)
        })
        .collect()
}

#[test]
fn everything_is_in_and_the_bytes_are_the_same_again() {
    let dir = tempfile::tempdir().unwrap();
    let runs = dir.path().join("runs");
    make_run(&runs.join("001-shapes"), 5);
    let (one, two) = (dir.path().join("one.zip"), dir.path().join("two.zip"));
    super::run(&options(&runs, "latest", &one)).unwrap();
    super::run(&options(&runs, runs.join("001-shapes").to_str().unwrap(), &two)).unwrap();
    assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());

    let files = unpack(&one);
    for name in [
        "README.md",
        "config.toml",
        "history.csv",
        "model.safetensors",
        "model.safetensors.md5",
        "pictures/accuracy.png",
        "pictures/histograms-conv2d.png",
        "pictures/histograms-dense.png",
        "pictures/loss.png",
        "program/Cargo.lock",
        "program/Cargo.toml",
        "program/crates/trainer/src/main.rs",
        "program/xtask/src/main.rs",
        "results.toml",
    ] {
        assert!(files.contains_key(name), "{name} is not in {:?}", files.keys());
    }
    assert!(!files.keys().any(|name| name.contains("/target/") || name.contains(".git/")));
    assert!(files["pictures/accuracy.png"].starts_with(b"\x89PNG"));
    let readme = String::from_utf8(files["README.md"].clone()).unwrap();
    for part in [
        "shapes (drawn pictures, not CIFAR-10)",
        "50.00 %",
        "25.00 % in epoch 1 of 2",
        "`trainer --dataset shapes`",
    ] {
        assert!(readme.contains(part), "{part} is not in\n{readme}");
    }
}

#[test]
fn the_latest_finished_run_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    make_run(&dir.path().join("a"), 7);
    make_run(&dir.path().join("b"), 6);
    make_run(&dir.path().join("c"), 8);
    fs::remove_file(dir.path().join("c/results.toml")).unwrap();
    assert_eq!(FinishedRun::latest(dir.path()).unwrap().name(), "a");
}

#[test]
fn what_cannot_be_handed_in_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("run");
    let check = |change: &dyn Fn(), expected: &str| {
        let _ = fs::remove_dir_all(&folder);
        make_run(&folder, 1);
        change();
        let out = dir.path().join("out.zip");
        let error = super::run(&options(dir.path(), folder.to_str().unwrap(), &out)).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(expected), "{error}");
        assert!(!out.exists());
    };
    check(&|| fs::remove_dir_all(&folder).unwrap(), "no run folder");
    check(&|| fs::remove_file(folder.join("results.toml")).unwrap(), "not a finished run");
    check(
        &|| fs::write(folder.join("model.safetensors"), "other").unwrap(),
        "not the one that was trained here",
    );
    check(&|| fs::remove_dir_all(folder.join("train")).unwrap(), "cannot draw the pictures");
    check(&|| fs::write(folder.join("history.csv"), "epoch\n").unwrap(), "there is no column accuracy");
    check(&|| fs::write(folder.join("config.toml"), "x = 1\n").unwrap(), "is not what the trainer writes");

    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let error = FinishedRun::latest(&empty).unwrap_err().to_string();
    assert!(error.starts_with("no finished run in"), "{error}");
}
