//! What a real Keras wrote (Keras 3.15.1, TensorFlow 2.21, the TensorBoard callback with `histogram_freq=1`,
//! ten epochs) is written again byte for byte, and read. `testdata` has both event files of that run whole,
//! and some of their records as hexadecimal digits.

// Clippy knows the tests themselves, not the functions they share.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use tensorboard::message::{Event, TensorProto, Value, ValueKind, What};
use tensorboard::{EventReader, EventWriter, Histogram, Run, RunData, Step, WallTime};

const TRAIN: &[u8] = include_bytes!("../testdata/keras_train.v2");
const VALIDATION: &[u8] = include_bytes!("../testdata/keras_validation.v2");
const RECORDS: &str = include_str!("../testdata/golden_records.txt");

/// The layers of the network in its order.
const LAYERS: [&str; 5] = ["conv2d", "conv2d_1", "conv2d_2", "dense", "dense_1"];

#[test]
fn golden_records_are_written_byte_for_byte() {
    let kernel = "sequential/conv2d/kernel/histogram";
    let written = [
        ("train record 0 ", Event::file_version(time(1_795_445_917.0))),
        ("train record 2 ", Event::scalar(time(1_795_445_934.352_96), "epoch_accuracy", Step(0), 0.445_76)),
        (
            "train record 5 ",
            Event::histogram(time(1_795_445_934.404_211), kernel, Step(0), &first_kernel_histogram()),
        ),
        ("train record 15 ", Event::scalar(time(1_795_445_948.956_954), "epoch_accuracy", Step(1), 0.583_82)),
        ("validation record 0 ", Event::file_version(time(1_795_445_933.0))),
        (
            "validation record 1 ",
            Event::scalar(
                time(1_795_445_934.350_311),
                "evaluation_accuracy_vs_iterations",
                Step(1563),
                0.549_5,
            ),
        ),
        (
            "validation record 3 ",
            Event::scalar(time(1_795_445_934.353_57), "epoch_accuracy", Step(0), 0.549_5),
        ),
    ];
    let lines: Vec<&str> = RECORDS.lines().collect();
    assert_eq!(lines.len(), 2 * written.len(), "each record of the golden file has its event");
    for (pair, (title, event)) in lines.chunks(2).zip(&written) {
        assert!(pair[0].starts_with(&format!("# {title}")), "{}", pair[0]);
        assert_eq!(hex(&write([event])), pair[1], "{title}");
    }
}

#[test]
fn whole_files_are_written_byte_for_byte() {
    for (file, records) in [(TRAIN, 132), (VALIDATION, 41)] {
        let events: Vec<Event> = events(file).iter().map(said_again).collect();
        assert_eq!(events.len(), records);
        assert!(write(&events) == file, "the same bytes");
    }
}

/// Edges follow from the smallest and the largest value alone, counts from which bucket a value is in: values
/// made from the buckets must give them again to the bit.
#[test]
fn histograms_of_values_in_keras_buckets_are_keras_histograms() {
    let mut histograms = 0;
    for event in events(TRAIN) {
        let Some(tensor) = tensor(&event).filter(|tensor| tensor.tensor_content.len() == 720) else {
            continue;
        };
        let buckets = Histogram::from_tensor(tensor).unwrap().buckets;
        let counts: Vec<usize> = buckets.iter().map(|bucket| bucket.count as usize).collect();
        let again = values_in_buckets(buckets[0].left, buckets[29].right, &counts);
        assert!(again.to_tensor() == *tensor, "{:?} at {}", value(&event).tag, event.step);
        histograms += 1;
    }
    assert_eq!(histograms, 100);
}

#[test]
fn the_training_run_is_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("events.out.tfevents.1795445917.vm.3200.0.v2"), TRAIN).unwrap();
    let run = read(dir.path());

    assert_eq!(run.scalar_tags(), ["epoch_accuracy", "epoch_loss", "epoch_learning_rate"]);
    let tags: Vec<String> = LAYERS
        .iter()
        .flat_map(|layer| ["kernel", "bias"].map(|weight| format!("sequential/{layer}/{weight}/histogram")))
        .collect();
    assert_eq!(run.histogram_tags(), tags);
    assert_eq!((run.scalars.len(), run.histograms.len()), (3, 10));

    let epochs: Vec<Step> = (0..10).map(Step).collect();
    for points in run.scalars.values() {
        assert_eq!(points.iter().map(|point| point.step).collect::<Vec<_>>(), epochs);
    }
    let accuracy = run.scalars["epoch_accuracy"][0];
    assert_eq!((accuracy.value, accuracy.wall_time), (0.445_76, time(1_795_445_934.352_96)));
    assert!(run.scalars["epoch_learning_rate"].iter().all(|point| point.value == 0.001));

    let parameters = [864, 32, 18_432, 64, 36_864, 64, 65_536, 64, 640, 10];
    for (tag, parameters) in tags.iter().zip(parameters) {
        let points = &run.histograms[tag.as_str()];
        assert_eq!(points.iter().map(|point| point.step).collect::<Vec<_>>(), epochs);
        assert!(points.iter().all(|point| point.value.buckets.len() == 30));
        assert!(points.iter().all(|point| point.value.total() == f64::from(parameters)), "{tag}");
    }
}

#[test]
fn the_validation_run_is_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("events.out.tfevents.1795445933.vm.3200.1.v2"), VALIDATION).unwrap();
    let run = read(dir.path());
    let tags = [
        "evaluation_accuracy_vs_iterations",
        "evaluation_loss_vs_iterations",
        "epoch_accuracy",
        "epoch_loss",
    ];
    assert_eq!(run.scalar_tags(), tags);
    assert!(run.histogram_tags().is_empty());
    let steps = |tag: &str| run.scalars[tag].iter().map(|point| point.step.0).collect::<Vec<_>>();
    let iterations: Vec<i64> = (1..=10).map(|epoch| 1563 * epoch).collect();
    assert_eq!(steps("evaluation_loss_vs_iterations"), iterations);
    assert_eq!(steps("epoch_loss"), (0..10).collect::<Vec<_>>());
    for (evaluation, epoch) in [(tags[0], tags[2]), (tags[1], tags[3])] {
        let values = |tag: &str| run.scalars[tag].iter().map(|point| point.value).collect::<Vec<_>>();
        assert_eq!(values(evaluation), values(epoch));
    }
}

#[test]
fn a_file_cut_anywhere_has_the_events_before_the_cut() {
    let all = events(VALIDATION);
    let mut most = 0;
    for cut in 0..=VALIDATION.len() {
        let some = events(&VALIDATION[..cut]);
        assert!(some == all[..some.len()], "cut at {cut}");
        assert!(some.len() == most || some.len() == most + 1, "cut at {cut}");
        most = some.len();
    }
    assert_eq!(most, all.len());
}

fn read(dir: &Path) -> RunData {
    Run::open(dir).unwrap().read().unwrap()
}

fn time(seconds: f64) -> WallTime {
    WallTime::new(seconds).unwrap()
}

fn events(file: &[u8]) -> Vec<Event> {
    EventReader::new(file).map(Result::unwrap).collect()
}

fn write<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<u8> {
    let mut writer = EventWriter::new(Vec::new());
    for event in events {
        writer.write(event).unwrap();
    }
    writer.into_inner()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn value(event: &Event) -> &Value {
    let Some(What::Summary(summary)) = &event.what else { panic!("no summary: {event:?}") };
    let [value] = &summary.value[..] else { panic!("one value is expected: {event:?}") };
    value
}

fn tensor(event: &Event) -> Option<&TensorProto> {
    match &event.what {
        Some(What::Summary(_)) => match &value(event).value {
            Some(ValueKind::Tensor(tensor)) => Some(tensor),
            other => panic!("a tensor is expected: {other:?}"),
        },
        _ => None,
    }
}

/// The event that this crate makes of what an event says.
fn said_again(event: &Event) -> Event {
    let (at, step) = (time(event.wall_time), Step(event.step));
    let Some(tensor) = tensor(event) else { return Event::file_version(at) };
    let tag = &value(event).tag;
    if tag == "keras" {
        return Event::keras_model(at, std::str::from_utf8(&tensor.string_val[0]).unwrap());
    }
    match <[u8; 4]>::try_from(&tensor.tensor_content[..]) {
        Ok(bytes) => Event::scalar(at, tag, step, f32::from_le_bytes(bytes)),
        Err(_) => Event::histogram(at, tag, step, &Histogram::from_tensor(tensor).unwrap()),
    }
}

/// The histogram of the first convolution's 864 weights after the first epoch, from values of which the
/// smallest, the largest and the number in each bucket are those of the weights.
fn first_kernel_histogram() -> Histogram {
    const COUNTS: [usize; 30] = [
        7, 13, 20, 27, 33, 37, 33, 37, 41, 41, 38, 26, 41, 27, 34, 31, 36, 38, 36, 40, 38, 30, 34, 28, 31,
        24, 18, 14, 5, 6,
    ];
    let (min, max) = (-0.178_830_564_022_064_2, 0.180_217_608_809_471_13);
    values_in_buckets(min, max, &COUNTS)
}

/// The histogram of values of which the smallest is `min`, the largest is `max`, and the others lie in the
/// middle of equally wide buckets between the two.
fn values_in_buckets(min: f64, max: f64, counts: &[usize]) -> Histogram {
    let width = (max - min) / counts.len() as f64;
    let middles = counts.iter().enumerate().flat_map(|(i, &count)| {
        let middle = min + (i as f64 + 0.5) * width;
        std::iter::repeat_n(middle, count)
    });
    let mut values: Vec<f64> = middles.collect();
    *values.first_mut().unwrap() = min;
    *values.last_mut().unwrap() = max;
    Histogram::of(&values)
}
