//! A small made-up run whose files fit each other, and a made-up program, for tests.

use std::fs;
use std::path::Path;
use std::process::Command;

use safetensors::tensor::{Dtype, TensorView};
use tensorboard::{Step, Writer};

/// The layers with weights.
pub(crate) const LAYERS: [&str; 2] = ["conv2d", "dense"];
/// The name of each variable in a model file and in event files.
const VARIABLES: [(&str, &str); 2] = [("weight", "kernel"), ("bias", "bias")];

const SETTINGS: &str = "[config]\ndataset = \"shapes\"\nvalidation = \"holdout\"\naugment = \"none\"\nepochs = 2\n\
    batch-size = 32\noptimizer = \"adam\"\nlearning-rate = 0.001\nseed = 0\ndevice = \"cpu\"\nmodel = \"tutorial\"\n\
    [data]\nsource = \"shapes\"\ndescription = \"shapes (drawn pictures, not CIFAR-10)\"\nfingerprint = \"ab\"\n\
    train = 6\nvalidation = 2\ntest = 2\nclasses = [\"disc\", \"ring\"]\n";

/// Loss, accuracy, validation loss and validation accuracy of each epoch.
const EPOCHS: [[f32; 4]; 2] = [[2.0, 0.1, 2.5, 0.25], [1.0, 0.5, 1.25, 0.2]];
const RATE: f32 = 0.001;

/// Writes a finished run of two epochs into `folder`, which is begun at `started` seconds since 1970.
pub(crate) fn make_run(folder: &Path, started: u64) {
    let mut history = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n".to_owned();
    let mut lines = String::new();
    for (number, [loss, accuracy, val_loss, val_accuracy]) in (1..).zip(EPOCHS) {
        history += &format!("{number},{loss},{accuracy},{val_loss},{val_accuracy},{RATE},1\n");
        lines += &format!(
            "{{\"epoch\":{number},\"loss\":{loss},\"accuracy\":{accuracy},\"val_loss\":{val_loss},\
             \"val_accuracy\":{val_accuracy},\"learning_rate\":{RATE},\"seconds\":1.0}}\n"
        );
    }
    let model = model(1);
    let md5 = format!("{:x}", md5::compute(&model));
    let results = format!(
        "test-loss = 1.5\ntest-accuracy = 0.5\nmodel-md5 = \"{md5}\"\nepochs = 2\nweights-of-epoch = 2\nseconds = 2.0\n\
         confusion = [[1, 0], [1, 0]]\n[diagnosis]\nverdict = \"too-short\"\nevidence = [\"it has 2 epochs\"]\n\
         advice = [\"train longer\"]\n"
    );
    let config = format!(
        "{SETTINGS}[run]\ncommand = [\"trainer\", \"--dataset\", \"shapes\"]\ntrainer = \"0.1.0\"\nstarted = {started}\n"
    );
    fs::create_dir_all(folder).unwrap();
    for (name, content) in [
        ("config.toml", config.as_bytes()),
        ("history.csv", history.as_bytes()),
        ("history.jsonl", lines.as_bytes()),
        ("model.safetensors", &model),
        ("model.safetensors.md5", format!("{md5}  model.safetensors\n").as_bytes()),
        ("report.html", format!("<p>md5 of the model file: {md5}</p>").as_bytes()),
        ("results.toml", results.as_bytes()),
    ] {
        fs::write(folder.join(name), content).unwrap();
    }
    write_events(folder);
}

/// The weights after an epoch, counted from 0, of a variable of a layer.
fn weights(layer: usize, variable: usize, epoch: usize) -> Vec<f32> {
    let number = if variable == 0 { 12 } else { 2 };
    (0..number).map(|place| (place as f32 - 5.0) * 0.1 + (layer + epoch) as f32 * 0.03125).collect()
}

/// The bytes of a model file with the weights after an epoch, counted from 0.
pub(crate) fn model(epoch: usize) -> Vec<u8> {
    let mut tensors = Vec::new();
    for (layer, name) in LAYERS.iter().enumerate() {
        for (variable, (torch, _)) in VARIABLES.iter().enumerate() {
            let values = weights(layer, variable, epoch);
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            tensors.push((format!("{name}.{torch}"), values.len(), bytes));
        }
    }
    let view = |(name, values, bytes)| {
        let (name, values, bytes): (&String, &usize, &Vec<u8>) = (name, values, bytes);
        (name.clone(), TensorView::new(Dtype::F32, vec![*values], bytes).unwrap())
    };
    safetensors::serialize(tensors.iter().map(|(name, values, bytes)| view((name, values, bytes))), None)
        .unwrap()
}

fn write_events(folder: &Path) {
    for (part, [loss, accuracy]) in [("train", [0, 1]), ("validation", [2, 3])] {
        let mut writer = Writer::create(folder.join(part)).unwrap();
        for (epoch, values) in EPOCHS.iter().enumerate() {
            let step = Step(epoch as i64);
            writer.scalar("epoch_accuracy", step, values[accuracy]).unwrap();
            writer.scalar("epoch_loss", step, values[loss]).unwrap();
            if part == "validation" {
                continue;
            }
            writer.scalar("epoch_learning_rate", step, RATE).unwrap();
            for (layer, name) in LAYERS.iter().enumerate() {
                for (variable, (_, keras)) in VARIABLES.iter().enumerate() {
                    let tag = format!("sequential/{name}/{keras}/histogram");
                    writer.histogram(&tag, step, &weights(layer, variable, epoch)).unwrap();
                }
            }
        }
        writer.close().unwrap();
    }
    let mut writer = Writer::create(folder).unwrap();
    let text: String = SETTINGS.lines().map(|line| format!("    {line}\n")).collect();
    writer.text("config", 0, &text).unwrap();
    writer.scalar("test_accuracy", 2, 0.5).unwrap();
    writer.scalar("test_loss", 2, 1.5).unwrap();
    writer.close().unwrap();
}

/// Makes a folder with a program of two files, committed to git.
pub(crate) fn make_program(folder: &Path) {
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("Cargo.toml"), "[package]\nname = \"program\"\n").unwrap();
    fs::write(folder.join("Cargo.lock"), "version = 4\n").unwrap();
    fs::write(folder.join("src/main.rs"), "fn main() {}\n").unwrap();
    fs::write(folder.join(".gitignore"), "target\n").unwrap();
    git(folder, &["init", "--quiet"]);
    git(folder, &["add", "."]);
    git(folder, &["commit", "--quiet", "--message", "all"]);
}

pub(crate) fn git(folder: &Path, arguments: &[&str]) {
    let identity =
        ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"];
    let status = Command::new("git").arg("-C").arg(folder).args(identity).args(arguments).status().unwrap();
    assert!(status.success(), "git {arguments:?}");
}
