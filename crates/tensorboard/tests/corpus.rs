//! Writes the seeds of the fuzz targets to `target/tmp/corpus`, a folder for each target, and checks that each seed is
//! what it is there for: an input that is read whole, or one that is not.

// Clippy knows the tests themselves, not the functions they share.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use tensorboard::message::custom_scalars::{Category, Chart, Layout};
use tensorboard::message::hparams::{Experiment, HParamInfo, MetricInfo, SessionStartInfo, Status};
use tensorboard::message::legacy::{self, HistogramProto};
use tensorboard::message::{Summary, Value, ValueKind, What};
use tensorboard::{
    Audio, Error, Event, EventReader, EventWriter, Graph, Histogram, Image, Mesh, Node, PrCurve,
    RecordReader, RecordWriter, Run, Step, Table, WallTime,
};

const TRAIN: &[u8] = include_bytes!("../testdata/keras_train.v2");
const VALIDATION: &[u8] = include_bytes!("../testdata/keras_validation.v2");

/// A file and what reading it gives: the number of events, or an error after so many.
struct Seed {
    name: &'static str,
    bytes: Vec<u8>,
    events: usize,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Whole,
    Error,
}

#[test]
fn files_of_records_and_runs() {
    for seed in seeds() {
        let name = seed.name;
        let read: Result<Vec<Event>, Error> = EventReader::new(&seed.bytes[..]).collect();
        assert_eq!(EventReader::new(&seed.bytes[..]).flatten().count(), seed.events, "{name}");
        assert_eq!(if read.is_ok() { End::Whole } else { End::Error }, seed.end, "{name}");

        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("events.out.tfevents.0000000001.host.1.0.v2"), &seed.bytes).unwrap();
        assert_eq!(Run::open(dir.path()).unwrap().read().is_ok(), seed.end == End::Whole, "{name}");

        for target in ["records", "run"] {
            write(target, name, &seed.bytes);
        }
    }
}

#[test]
fn payloads_of_events() {
    let mut payloads = payloads(&one_of_every_event());
    for golden in [TRAIN, VALIDATION] {
        // Of one epoch, in which all kinds of a run are.
        payloads.extend(self::payloads(golden).into_iter().take(15));
    }
    for (i, payload) in payloads.iter().enumerate() {
        let mut records = RecordWriter::new(Vec::new());
        records.write(payload).unwrap();
        let bytes = records.into_inner();
        assert!(EventReader::new(&bytes[..]).next().unwrap().is_ok(), "payload {i}");
        write("events", &format!("payload-{i:02}"), payload);
        write("events", &format!("payload-{i:02}-half"), &payload[..payload.len() / 2]);
    }
    assert_eq!(payloads.len(), 17 + 15 + 15);
}

fn seeds() -> Vec<Seed> {
    let every = one_of_every_event();
    let seed = |name, bytes: &[u8], events, end| Seed { name, bytes: bytes.to_vec(), events, end };
    let changed = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 0x10;
        bytes
    };
    // The first record is the file version: a header of 12 bytes, a payload of 62 and a footer of 4.
    let second = 12 + 62 + 4;
    let no_event = framed(&[0xff; 20]);
    let huge = [u64::MAX.to_le_bytes().as_slice(), &[0; 4]].concat();
    vec![
        seed("empty", &[], 0, End::Whole),
        seed("keras-train", TRAIN, 132, End::Whole),
        seed("keras-validation", VALIDATION, 41, End::Whole),
        seed("every-event", &every, 17, End::Whole),
        seed("no-file-version", &every[second..], 16, End::Whole),
        seed("cut-in-a-header", &every[..second + 7], 1, End::Whole),
        seed("cut-in-a-payload", &every[..second + 20], 1, End::Whole),
        seed("cut-in-a-footer", &every[..second - 2], 0, End::Whole),
        seed("length-damaged", &changed(&every, second), 1, End::Error),
        seed("length-checksum-damaged", &changed(&every, second + 9), 1, End::Error),
        seed("payload-damaged", &changed(&every, second + 15), 1, End::Error),
        seed("payload-checksum-damaged", &changed(&every, second - 1), 0, End::Error),
        seed("huge-length", &huge, 0, End::Error),
        seed("no-event", &[&every[..second], &no_event, &every[second..]].concat(), 1, End::Error),
        seed("empty-records", &framed(&[]).repeat(3), 3, End::Whole),
    ]
}

/// A file with an event of each kind that is written or read.
fn one_of_every_event() -> Vec<u8> {
    let at = time(1_795_445_917.25);
    let image = Image::hwc([2, 1, 3], &[255u8, 0, 0, 0, 0, 255]).unwrap();
    let mesh = Mesh::new(&[[0.0, 1.0, 2.0], [3.0, 4.0, 5.5]]).unwrap().faces(&[[0, 1, 1]]).unwrap();
    let layout = Layout::new([Category::new("losses", [Chart::lines("both", ["loss", "val.*"])])]);
    let experiment =
        Experiment::new([HParamInfo::interval("lr", 0.25, 0.5).unwrap()], [MetricInfo::new("loss")]);
    let mut events = EventWriter::new(Vec::new());
    for event in [
        Event::file_version(time(1_795_445_917.0)),
        Event::scalar(at, "loss", Step(-1), f32::NAN),
        Event::histogram(at, "kernel", Step(3), &Histogram::of(&[-1.0, 0.0, 2.0])),
        Event::text(at, "note", Step(0), "**bold**").described("what"),
        Event::table(at, "table", Step(0), &Table::new(["name", "loss"], [["a_b", "0.5"]]).unwrap()),
        Event::images(at, "image", Step(2), &[image.clone(), image]).unwrap(),
        Event::audio(at, "sound", Step(2), &Audio::new(8000, 1, &[0.0, 0.5, -0.5]).unwrap()),
        Event::pr_curve(at, "curve", Step(2), &PrCurve::new(&[true, false], &[0.9, 0.8]).unwrap()),
        Event::mesh(at, "mesh", Step(2), &mesh),
        Event::custom_scalars(at, &layout),
        Event::experiment(at, &experiment),
        Event::session_start(at, &SessionStartInfo::new().with("lr", 0.5)).unwrap(),
        Event::session_end(at, Status::Success),
        Event::graph(at, Graph::new([Node::new("x", "Placeholder")]).unwrap().encode()),
        Event::keras_model(at, "{\"class_name\": \"Sequential\"}"),
    ] {
        events.write(&event).unwrap();
    }
    events.write(&first_version(at)).unwrap();
    let mut records = RecordWriter::new(events.into_inner());
    // A session log: field 7 of Event.
    records.write(&[0x3a, 2, 8, 1]).unwrap();
    records.into_inner()
}

/// Values of the first version of the format, several in an event.
fn first_version(at: WallTime) -> Event {
    let histogram = HistogramProto {
        min: -1.0,
        max: 2.0,
        num: 3.0,
        sum: 1.0,
        sum_squares: 5.0,
        bucket_limit: vec![-0.5, 0.5, f64::MAX],
        bucket: vec![1.0, 1.0, 1.0],
    };
    let image = legacy::Image { height: 1, width: 2, colorspace: 3, encoded_image_string: vec![1, 2] };
    let kinds = [ValueKind::SimpleValue(0.5), ValueKind::Histogram(histogram), ValueKind::Image(image)];
    let value = |(i, kind)| Value { tag: format!("old/{i}"), value: Some(kind), ..Value::default() };
    let value = kinds.into_iter().enumerate().map(value).collect();
    Event {
        wall_time: at.seconds(),
        step: 7,
        what: Some(What::Summary(Summary { value })),
        ..Event::default()
    }
}

fn payloads(file: &[u8]) -> Vec<Vec<u8>> {
    let mut records = RecordReader::new(file);
    let mut payloads = Vec::new();
    while let Some(payload) = records.read().unwrap() {
        payloads.push(payload.to_vec());
    }
    payloads
}

fn framed(payload: &[u8]) -> Vec<u8> {
    let mut records = RecordWriter::new(Vec::new());
    records.write(payload).unwrap();
    records.into_inner()
}

fn time(seconds: f64) -> WallTime {
    WallTime::new(seconds).unwrap()
}

fn write(target: &str, name: &str, bytes: &[u8]) {
    let folder: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}
