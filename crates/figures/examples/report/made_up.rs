//! A run of ten epochs that never was: event files and everything else a report tells, by formulas.

use std::path::Path;

use figures::report::{ClassRow, Diagnosis, Mistake, Report, Table};
use figures::{Calibration, Confusion, Error, Thumbnail};
use tensorboard::{Run, Step, Writer};

const EPOCHS: u32 = 10;

const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Pairs of classes that look alike.
const ALIKE: [(usize, usize); 4] = [(3, 5), (1, 9), (0, 8), (4, 7)];

/// The layers of the tutorial's network: name, what it gives, the shape of its kernel, and how many outputs it has.
const LAYERS: [(&str, &str, &str, usize, usize); 5] = [
    ("conv2d", "30 × 30 × 32", "3 × 3 × 3 × 32", 864, 32),
    ("conv2d_1", "13 × 13 × 64", "3 × 3 × 32 × 64", 18_432, 64),
    ("conv2d_2", "4 × 4 × 64", "3 × 3 × 64 × 64", 36_864, 64),
    ("dense", "64", "1024 × 64", 65_536, 64),
    ("dense_1", "10", "64 × 10", 640, 10),
];

/// Writes event files into `folder` as a training run does, and makes up the rest.
pub(crate) fn report(folder: &Path) -> Result<Report, Error> {
    let (train, validation) = (folder.join("train"), folder.join("validation"));
    write_training(&train)?;
    write_curves(&mut Writer::create(&validation)?, validation_at)?;
    let confusion = confusion();
    let classes = classes(&confusion);
    let right: u64 = (0..CLASSES.len()).map(|class| confusion.counts[class * 11]).sum();
    let accuracy = percent(right as f64 / confusion.counts.iter().sum::<u64>() as f64);
    Ok(Report {
        title: "The tutorial's network on CIFAR-10".to_owned(),
        subtitle: "An example: every number on this page is made up.".to_owned(),
        results: pairs(&[
            ("test accuracy", &accuracy),
            ("validation accuracy in epoch 8, the best", &percent(validation_at(7).0.into())),
            ("test loss", "0.8643"),
            ("weights", "122,570"),
            ("training time", "1 min 52 s"),
            ("pictures a second", "4,464"),
        ]),
        settings: pairs(&[
            ("dataset", "cifar10: 45,000 to train, 5,000 to validate, 10,000 to test"),
            ("optimizer", "adam"),
            ("learning rate", "0.001, cosine to 0.00001"),
            ("batch size", "32"),
            ("epochs", "10"),
            ("seed", "42"),
        ]),
        diagnosis: Some(Diagnosis {
            verdict: "The network begins to learn its training pictures by heart after epoch 8.".to_owned(),
            evidence: sentences(&[
                "The validation loss rises from epoch 8 on, the training loss goes on falling.",
                "The training accuracy is 6.6 points above that of the validation pictures.",
            ]),
            advice: sentences(&[
                "Stop after epoch 8, or keep the best epoch.",
                "Shift and mirror the training pictures.",
            ]),
        }),
        train: Run::open(&train)?.read()?,
        validation: Run::open(&validation)?.read()?,
        epochs: epochs(),
        layers: layers(),
        classes,
        confusion: Some(confusion),
        calibration: Some(Calibration::of(predictions(), 10)),
        mistakes: (0..12).filter_map(mistake).collect(),
        model_md5: Some("0cc175b9c0f1b6a831c399e269772661".to_owned()),
    })
}

fn write_training(folder: &Path) -> Result<(), Error> {
    let mut writer = Writer::create(folder)?;
    write_curves(&mut writer, training_at)?;
    for epoch in 0..EPOCHS {
        writer.scalar("epoch_learning_rate", Step(epoch.into()), learning_rate(epoch))?;
        for (layer, (name, _, _, weights, outputs)) in LAYERS.into_iter().enumerate() {
            // Kernels spread, biases leave zero.
            let width = 0.02 + 0.3 / (layer as f32 + 3.0) * (0.6 + 0.05 * epoch as f32);
            let kernel: Vec<f32> = (0..weights).map(|i| width * normal(i)).collect();
            let late = epoch as f32 / EPOCHS as f32;
            let bias: Vec<f32> = (0..outputs).map(|i| late * (0.05 * normal(i) - 0.02)).collect();
            writer.histogram(format!("sequential/{name}/kernel/histogram"), Step(epoch.into()), &kernel)?;
            writer.histogram(format!("sequential/{name}/bias/histogram"), Step(epoch.into()), &bias)?;
        }
    }
    Ok(writer.close()?)
}

/// Writes accuracy and loss of each epoch.
fn write_curves(writer: &mut Writer, at: fn(u32) -> (f32, f32)) -> Result<(), Error> {
    for epoch in 0..EPOCHS {
        let (accuracy, loss) = at(epoch);
        writer.scalar("epoch_accuracy", Step(epoch.into()), accuracy)?;
        writer.scalar("epoch_loss", Step(epoch.into()), loss)?;
    }
    Ok(writer.flush()?)
}

fn training_at(epoch: u32) -> (f32, f32) {
    let late = epoch as f32 / (EPOCHS - 1) as f32;
    (0.45 + 0.33 * late.sqrt(), 1.52 - 0.9 * late.sqrt())
}

fn validation_at(epoch: u32) -> (f32, f32) {
    let late = epoch as f32 / (EPOCHS - 1) as f32;
    let wave = (epoch as f32 * 2.1).sin() * 0.008;
    let past = (late - 0.78).max(0.0);
    (0.54 + 0.2 * late.sqrt() + wave - 0.12 * past, 1.27 - 0.43 * late.sqrt() - wave + 0.5 * past)
}

fn learning_rate(epoch: u32) -> f32 {
    let turn = std::f32::consts::PI * epoch as f32 / (EPOCHS - 1) as f32;
    1e-5 + (1e-3 - 1e-5) * 0.5 * (1.0 + turn.cos())
}

fn confusion() -> Confusion {
    let of_row = |truth: usize| {
        let mut row: Vec<u64> =
            (0..CLASSES.len()).map(|other| ((truth * 7 + other * 13) % 19 + 8) as u64).collect();
        for (one, other) in ALIKE.into_iter().flat_map(|(one, other)| [(one, other), (other, one)]) {
            row[other] += if one == truth { 70 + 9 * (truth as u64 % 5) } else { 0 };
        }
        row[truth] = 0;
        row[truth] = 1000 - row.iter().sum::<u64>();
        row
    };
    Confusion {
        classes: CLASSES.map(str::to_owned).to_vec(),
        counts: (0..CLASSES.len()).flat_map(of_row).collect(),
    }
}

fn classes(confusion: &Confusion) -> Vec<ClassRow> {
    let count = |truth: usize, predicted: usize| confusion.counts[truth * CLASSES.len() + predicted];
    let row = |(class, name): (usize, &str)| {
        let pictures: u64 = (0..CLASSES.len()).map(|other| count(class, other)).sum();
        let taken: u64 = (0..CLASSES.len()).map(|other| count(other, class)).sum();
        let right = count(class, class) as f64;
        let (precision, recall) = (right / taken as f64, right / pictures as f64);
        let f1 = 2.0 * precision * recall / (precision + recall);
        ClassRow { name: name.to_owned(), pictures, precision, recall, f1 }
    };
    CLASSES.into_iter().enumerate().map(row).collect()
}

/// More sure than right.
fn predictions() -> impl Iterator<Item = (f64, bool)> {
    (0..10_000).map(|i| {
        let confidence = 1.0 - 0.75 * f64::from(scattered(i)).powi(2);
        (confidence, f64::from(scattered(i * 31 + 7)) < confidence.powf(1.4))
    })
}

fn mistake(i: usize) -> Option<Mistake> {
    let (one, other) = ALIKE[i % ALIKE.len()];
    let (truth, predicted) = if i % 8 < 4 { (one, other) } else { (other, one) };
    Some(Mistake {
        picture: Thumbnail::of_planes([3, 32, 32], &picture(i))?,
        truth: CLASSES[truth].to_owned(),
        predicted: CLASSES[predicted].to_owned(),
        confidence: 0.999 - 0.013 * i as f64,
    })
}

/// A disc before a sky: (3, 32, 32) bytes.
fn picture(i: usize) -> Vec<u8> {
    let turn = i as f32 * 0.9;
    let centre = (16.0 + 5.0 * turn.cos(), 17.0 + 4.0 * turn.sin());
    let pixel = |plane: usize, y: usize, x: usize| {
        let away = (x as f32 - centre.0).hypot(y as f32 - centre.1) / (6.0 + (i % 4) as f32);
        let phase = turn + plane as f32 * 2.1;
        let light =
            if away < 1.0 { 150.0 + 90.0 * phase.sin() * (1.0 - 0.5 * away) } else { 90.0 + 3.0 * y as f32 };
        (light + 14.0 * scattered(x + 32 * y + i)) as u8
    };
    (0..3 * 32 * 32).map(|at| pixel(at / 1024, at / 32 % 32, at % 32)).collect()
}

fn epochs() -> Table {
    let row = |epoch: u32| {
        let ((accuracy, loss), (val_accuracy, val_loss)) = (training_at(epoch), validation_at(epoch));
        vec![
            (epoch + 1).to_string(),
            percent(accuracy.into()),
            format!("{loss:.4}"),
            percent(val_accuracy.into()),
            format!("{val_loss:.4}"),
            format!("{:.6}", learning_rate(epoch)),
            format!("{:.1} s", 11.0 + scattered(epoch as usize)),
        ]
    };
    let columns =
        ["epoch", "accuracy", "loss", "validation accuracy", "validation loss", "learning rate", "time"];
    Table { columns: sentences(&columns), rows: (0..EPOCHS).map(row).collect() }
}

fn layers() -> Table {
    let row = |(name, output, kernel, weights, outputs): (&str, &str, &str, usize, usize)| {
        vec![name.to_owned(), output.to_owned(), kernel.to_owned(), (weights + outputs).to_string()]
    };
    Table {
        columns: sentences(&["layer", "output", "kernel", "weights"]),
        rows: LAYERS.into_iter().map(row).collect(),
    }
}

fn percent(part: f64) -> String {
    format!("{:.2} %", part * 100.0)
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn sentences(sentences: &[&str]) -> Vec<String> {
    sentences.iter().map(ToString::to_string).collect()
}

/// The `i`-th of numbers that lie evenly from 0 to 1, in an order that looks like chance.
fn scattered(i: usize) -> f32 {
    const GOLDEN_RATIO: f64 = 0.618_033_988_749_894_9;
    (i as f64 * GOLDEN_RATIO).fract() as f32
}

/// The `i`-th of numbers that lie as a normal distribution around 0 (Box and Muller).
fn normal(i: usize) -> f32 {
    let radius = (-2.0 * (1.0 - scattered(i)).ln()).sqrt();
    let angle = std::f32::consts::TAU * (i as f32 * std::f32::consts::SQRT_2).fract();
    radius * angle.cos()
}
