//! What TensorBoard's loaders do with files that are damaged, cut, out of order or from other writers was tried on real
//! ones; here is what this crate makes of each such file. A row: the files of a run in the order of their names, and
//! the curve `loss` that is read, once strictly and once without what is damaged.

// Clippy knows the tests themselves, not the functions they share.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::fs;

use tensorboard::message::legacy::HistogramProto;
use tensorboard::message::{
    DataType, Event, SessionLog, SessionStatus, Summary, TensorProto, Value, ValueKind, What,
};
use tensorboard::{Data, Error, EventWriter, Histogram, Keep, RecordWriter, Run, Step, WallTime, Writer};

/// Steps and values.
type Curve = &'static [(i64, f32)];

/// What strict reading gives.
#[derive(Clone, Copy, Debug)]
enum Strict {
    The(Curve),
    /// An error with these words.
    Fails(&'static str),
}

fn check(what: &str, files: &[Vec<u8>], strict: Strict, without_damage: Curve) {
    let dir = tempfile::tempdir().unwrap();
    for (i, bytes) in files.iter().enumerate() {
        fs::write(dir.path().join(format!("events.out.tfevents.{i:010}.host.1.0.v2")), bytes).unwrap();
    }
    let curve = |run: &Run| -> Result<Vec<(i64, f32)>, Error> {
        Ok(run.scalars("loss")?.iter().map(|point| (point.step.0, point.value)).collect())
    };
    let run = Run::open(dir.path()).unwrap();
    match (strict, curve(&run)) {
        (Strict::The(expected), Ok(found)) => assert_eq!(found, expected, "{what}"),
        (Strict::Fails(words), Err(error)) => {
            let error = error.to_string();
            let in_file = error.starts_with("event file ") && error.contains(".host.1.0.v2: record at byte ");
            assert!(in_file && error.contains(words), "{what}: {error}");
        }
        (_, found) => panic!("{what}: {found:?}"),
    }
    assert_eq!(curve(&run.clone().skip_damaged()).unwrap(), without_damage, "{what}");
    // Taken up, a run has what could be read, and goes on.
    let mut writer = Writer::resume(dir.path(), Keep::All).unwrap();
    writer.scalar("loss", 100, 100.0).unwrap();
    writer.close().unwrap();
    let resumed = curve(&Run::open(dir.path()).unwrap()).unwrap();
    assert_eq!(resumed, [without_damage, &[(100, 100.0)]].concat(), "{what}, taken up");
}

/// The whole curve, also strictly.
fn check_whole(what: &str, files: &[Vec<u8>], curve: Curve) {
    check(what, files, Strict::The(curve), curve);
}

fn scalar(step: i64, value: f32) -> Event {
    Event::scalar(WallTime::new(1e9 + step as f64).unwrap(), "loss", Step(step), value)
}

fn file(events: impl IntoIterator<Item = Event>) -> Vec<u8> {
    let mut writer = EventWriter::new(Vec::new());
    for event in [Event::file_version(WallTime::new(1e9).unwrap())].into_iter().chain(events) {
        writer.write(&event).unwrap();
    }
    writer.into_inner()
}

/// A curve of these steps, each with ten times the step as its value.
fn steps(steps: impl IntoIterator<Item = i64>) -> Vec<u8> {
    file(steps.into_iter().map(|step| scalar(step, 10.0 * step as f32)))
}

/// Where the record of a step begins in [`steps`] from 0 on; record 0 is the version. Step 0 is not written, so the
/// first record is shorter.
fn record(number: usize) -> usize {
    let bytes = steps(0..3);
    let mut reader = tensorboard::RecordReader::new(&bytes[..]);
    (0..number).for_each(|_| assert!(reader.read().unwrap().is_some()));
    reader.offset() as usize
}

fn changed(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    bytes[at] ^= 0x10;
    bytes
}

fn start(step: i64) -> Event {
    let log = SessionLog { status: SessionStatus::Start.into(), ..SessionLog::default() };
    Event { wall_time: 1e9, step, what: Some(What::SessionLog(log)), ..Event::default() }
}

#[test]
fn files_that_were_cut() {
    let whole = steps(0..3);
    let cut = whole[..whole.len() - 1].to_vec();
    check_whole("truncated last record", std::slice::from_ref(&cut), &[(0, 0.0), (1, 10.0)]);
    check_whole(
        "truncated file and a newer one",
        &[cut, steps(2..4)],
        &[(0, 0.0), (1, 10.0), (2, 20.0), (3, 30.0)],
    );
    check_whole("no bytes at all", &[Vec::new(), steps(0..1)], &[(0, 0.0)]);
}

#[test]
fn files_with_wrong_bytes() {
    let bad_payload = changed(steps(0..3), record(2) + 14);
    check("payload", &[bad_payload], Strict::Fails("the checksum of its payload"), &[(0, 0.0), (2, 20.0)]);
    let bad_length = changed(steps(0..3), record(2) + 1);
    check(
        "length, and a newer file",
        &[bad_length, steps(5..6)],
        Strict::Fails("the checksum of its length"),
        &[(0, 0.0), (2, 20.0), (5, 50.0)],
    );
    let mut no_event = RecordWriter::new(steps(0..1));
    no_event.write(&[0xff; 9]).unwrap();
    let mut bytes = no_event.into_inner();
    bytes.extend(&steps(0..3)[record(2)..]);
    check(
        "no protobuf message",
        &[bytes],
        Strict::Fails("is no TensorBoard event"),
        &[(0, 0.0), (1, 10.0), (2, 20.0)],
    );
    let no_time = Event { wall_time: f64::NAN, ..scalar(1, 10.0) };
    check(
        "a wall time of NaN",
        &[file([scalar(0, 0.0), no_time, scalar(2, 20.0)])],
        Strict::Fails("its wall time is NaN"),
        &[(0, 0.0), (2, 20.0)],
    );
}

#[test]
fn steps_in_any_order() {
    check_whole(
        "duplicate step: the last one wins",
        &[file([scalar(0, 1.0), scalar(1, 2.0), scalar(1, 3.0)])],
        &[(0, 1.0), (1, 3.0)],
    );
    check_whole(
        "out of order: none is dropped",
        &[steps([0, 1, 2, 5, 3, 4, 6])],
        &[(0, 0.0), (1, 10.0), (2, 20.0), (3, 30.0), (4, 40.0), (5, 50.0), (6, 60.0)],
    );
    check_whole("all at step 0", &[file([scalar(0, 1.0), scalar(0, 2.0)])], &[(0, 2.0)]);
    check_whole("negative steps", &[steps([-2, -1, 0])], &[(-2, -20.0), (-1, -10.0), (0, 0.0)]);
    let again = |sessions: &[Event]| file(sessions.iter().cloned().chain([scalar(1, 1.5), scalar(2, 2.5)]));
    let overlapping: Curve = &[(0, 0.0), (1, 1.5), (2, 2.5), (3, 30.0)];
    check_whole("a restart", &[steps(0..4), again(&[])], overlapping);
    check_whole("a restart that says so once", &[steps(0..4), again(&[start(1)])], overlapping);
    check_whole(
        "one that says so twice, of a later step",
        &[steps(0..4), again(&[start(1), start(1)])],
        overlapping,
    );
    check_whole(
        "a file that says everything anew",
        &[steps(0..4), again(&[start(0), start(0)])],
        &[(1, 1.5), (2, 2.5)],
    );
}

#[test]
fn other_forms_of_a_scalar() {
    let with = |kind: ValueKind| {
        let mut event = scalar(1, 0.0);
        if let Some(What::Summary(summary)) = &mut event.what {
            summary.value[0].value = Some(kind);
        }
        file([event])
    };
    let tensor = |tensor: TensorProto| with(ValueKind::Tensor(tensor));
    check_whole("simple_value", &[with(ValueKind::SimpleValue(0.5))], &[(1, 0.5)]);
    let float = TensorProto { dtype: DataType::Float.into(), float_val: vec![0.5], ..TensorProto::default() };
    check_whole("float_val", &[tensor(float)], &[(1, 0.5)]);
    let double =
        TensorProto { dtype: DataType::Double.into(), double_val: vec![0.5], ..TensorProto::default() };
    check_whole("f64", &[tensor(double)], &[(1, 0.5)]);
    let integer = TensorProto { dtype: DataType::Int64.into(), int64_val: vec![5], ..TensorProto::default() };
    check_whole("i64", &[tensor(integer)], &[(1, 5.0)]);
    let several = Event {
        what: Some(What::Summary(Summary {
            value: [0.5, 0.75]
                .map(|value| Value {
                    tag: "loss".to_owned(),
                    value: Some(ValueKind::SimpleValue(value)),
                    metadata: None,
                })
                .to_vec(),
        })),
        ..scalar(1, 0.0)
    };
    check_whole("several values in one event", &[file([several])], &[(1, 0.75)]);
    check_whole("no file version", &[steps(0..2)[record(1)..].to_vec()], &[(0, 0.0), (1, 10.0)]);
    let (nan, infinite) = (scalar(0, f32::NAN), scalar(1, f32::INFINITY));
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tfevents"), file([nan, infinite])).unwrap();
    let values: Vec<f32> =
        Run::open(dir.path()).unwrap().scalars("loss").unwrap().iter().map(|point| point.value).collect();
    assert!(values[0].is_nan() && values[1] == f32::INFINITY, "{values:?}");
}

#[test]
fn values_of_the_first_version() {
    let value = |tag: &str, kind| Value { tag: tag.to_owned(), value: Some(kind), metadata: None };
    // As PyTorch writes a histogram: limits to the greatest of all numbers, empty buckets at both ends.
    let histogram = HistogramProto {
        min: -1.0,
        max: 3.0,
        num: 6.0,
        bucket_limit: vec![-2.0, 0.0, 1.0, 2.0, f64::MAX],
        bucket: vec![0.0, 1.0, 0.0, 3.0, 2.0],
        ..HistogramProto::default()
    };
    let image = tensorboard::message::legacy::Image {
        width: 2,
        height: 1,
        colorspace: 3,
        encoded_image_string: b"PNG".to_vec(),
    };
    let values = vec![
        value("kernel", ValueKind::Histogram(histogram)),
        value("picture", ValueKind::Image(image)),
        value("none", ValueKind::Histogram(HistogramProto::default())),
    ];
    let event = Event { what: Some(What::Summary(Summary { value: values })), ..scalar(7, 0.0) };
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tfevents"), file([event])).unwrap();
    let run = Run::open(dir.path()).unwrap();

    let found = &run.histograms("kernel").unwrap()[0];
    let rows: Vec<[f64; 3]> = found.value.buckets.iter().map(|b| [b.left, b.right, b.count]).collect();
    assert_eq!(rows, [[-1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 2.0, 3.0], [2.0, 3.0, 2.0]]);
    let images = &run.images("picture").unwrap()[0];
    assert_eq!((images.value.width, images.value.height, images.step), (2, 1, Step(7)));
    assert_eq!(images.value.encoded, [b"PNG"]);
    assert!(run.histograms("none").unwrap()[0].value.buckets.is_empty());
    let plugins: Vec<String> = run.series().unwrap().iter().map(|series| series.plugin.clone()).collect();
    assert_eq!(plugins, ["histograms", "images", "histograms"]);
}

#[test]
fn histograms_of_other_shapes() {
    let rows = |buckets: usize| Histogram::with_buckets(buckets, &[1.0, 2.0]);
    let dir = tempfile::tempdir().unwrap();
    let events = [0, 1, 30, 100].map(|buckets| {
        Event::histogram(WallTime::new(1e9).unwrap(), "kernel", Step(buckets as i64), &rows(buckets))
    });
    fs::write(dir.path().join("tfevents"), file(events)).unwrap();
    for sample in Run::open(dir.path()).unwrap().samples().unwrap() {
        let sample = sample.unwrap();
        assert_eq!(sample.data, Data::Histogram(rows(sample.step.0 as usize)));
    }
}
