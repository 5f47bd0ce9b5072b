//! Event files of any content: damaged, made up, from other writers. Readers give points or one error; they
//! do not panic and they end.

// Clippy knows the tests themselves, not the functions they share.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tensorboard::message::{
    Dim, Event, PluginData, Summary, SummaryMetadata, TensorProto, TensorShapeProto, Value, ValueKind, What,
};
use tensorboard::{
    Error, EventReader, EventWriter, Histogram, RecordWriter, Run, RunData, Step, WallTime, Writer,
};

fn at(seconds: f64) -> WallTime {
    WallTime::new(seconds).unwrap()
}

fn write(events: &[Event]) -> Vec<u8> {
    let mut writer = EventWriter::new(Vec::new());
    for event in events {
        writer.write(event).unwrap();
    }
    writer.into_inner()
}

/// Reads a run of some files, named in this order.
fn read(files: &[&[u8]]) -> Result<RunData, Error> {
    let dir = tempfile::tempdir().unwrap();
    for (i, bytes) in files.iter().enumerate() {
        fs::write(dir.path().join(format!("events.out.tfevents.{i:010}.host.1.0.v2")), bytes).unwrap();
    }
    read_run(dir.path())
}

fn read_run(dir: &Path) -> Result<RunData, Error> {
    Run::open(dir)?.read()
}

/// An event with one value.
fn event(tag: &str, value: ValueKind, plugin: &str) -> Event {
    let plugin_data = Some(PluginData { plugin_name: plugin.to_owned(), content: Vec::new() });
    let metadata = SummaryMetadata { plugin_data, ..SummaryMetadata::default() };
    let value = Value { tag: tag.to_owned(), value: Some(value), metadata: Some(metadata) };
    Event {
        wall_time: 1.0,
        step: 1,
        what: Some(What::Summary(Summary { value: vec![value] })),
        source_metadata: None,
    }
}

#[test]
fn the_last_write_of_a_step_wins_and_steps_are_in_order() {
    let scalar = |step: i64, value: f32| Event::scalar(at(1.0), "loss", Step(step), value);
    let first = write(&[scalar(0, 0.9), scalar(1, 0.8), scalar(3, 0.6), scalar(1, 0.75)]);
    let second = write(&[scalar(3, 0.5), scalar(2, 0.7), scalar(-1, 1.0)]);
    let points = |run: RunData| {
        run.scalars["loss"].iter().map(|point| (point.step.0, point.value)).collect::<Vec<_>>()
    };
    let expected = [(-1, 1.0), (0, 0.9), (1, 0.75), (2, 0.7), (3, 0.5)];
    assert_eq!(points(read(&[&first, &second]).unwrap()), expected);
    assert_eq!(points(read(&[&second, &first]).unwrap())[4], (3, 0.6));
}

#[test]
fn a_file_of_a_restarted_run_is_read_after_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    for value in [1.0, 2.0, 3.0] {
        let mut writer = Writer::create(dir.path()).unwrap();
        writer.scalar("loss", Step(5), value).unwrap();
        writer.close().unwrap();
        let run = read_run(dir.path()).unwrap();
        assert_eq!(run.scalars["loss"].iter().map(|point| point.value).collect::<Vec<_>>(), [value]);
    }
}

#[test]
fn other_writers_are_understood() {
    let float = TensorProto { dtype: 1, float_val: vec![0.25], ..TensorProto::default() };
    let double = TensorProto { dtype: 2, double_val: vec![0.25], ..TensorProto::default() };
    let content =
        TensorProto { dtype: 1, tensor_content: 0.25f32.to_le_bytes().to_vec(), ..TensorProto::default() };
    let mut events = vec![event("legacy", ValueKind::SimpleValue(0.25), "")];
    for (tag, tensor) in [("float", float), ("double", double), ("content", content)] {
        events.push(event(tag, ValueKind::Tensor(tensor), "scalars"));
    }
    let run = read(&[&write(&events)]).unwrap();
    assert_eq!(run.scalar_tags(), ["legacy", "float", "double", "content"]);
    assert!(run.scalars.values().all(|points| points.len() == 1 && points[0].value == 0.25));

    let row = TensorProto {
        dtype: 1,
        tensor_shape: Some(TensorShapeProto { dim: vec![Dim { size: 1 }, Dim { size: 3 }] }),
        float_val: vec![0.5, 1.5, 7.0],
        ..TensorProto::default()
    };
    let run = read(&[&write(&[event("floats", ValueKind::Tensor(row), "histograms")])]).unwrap();
    let bucket = run.histograms["floats"][0].value.buckets[0];
    assert_eq!((bucket.left, bucket.right, bucket.count), (0.5, 1.5, 7.0));
}

#[test]
fn metadata_may_be_on_the_first_value_of_a_tag_only() {
    let scalar = |step: i64| Event::scalar(at(1.0), "loss", Step(step), 0.5);
    let mut bare = scalar(1);
    if let Some(What::Summary(summary)) = &mut bare.what {
        summary.value[0].metadata = None;
    }
    let points = |events: &[Event]| read(&[&write(events)]).unwrap().scalars.get("loss").map_or(0, Vec::len);
    assert_eq!(points(&[scalar(0), bare.clone()]), 2);
    assert_eq!(points(&[bare]), 0);
}

#[test]
fn other_plugins_and_unknown_events_are_skipped() {
    let mut file = write(&[
        Event::file_version(at(1.0)),
        Event::text(at(1.0), "note", Step(0), "hello"),
        Event::graph(at(1.0), vec![1, 2, 3]),
        Event::keras_model(at(1.0), "{}"),
        event("image", ValueKind::Tensor(TensorProto::default()), "images"),
    ]);
    // A session log (field 7 of Event), and a value that is an image of the first version (field 4 of Value).
    let mut writer = RecordWriter::new(Vec::new());
    writer.write(&[0x3a, 2, 8, 1]).unwrap();
    writer.write(&[0x2a, 7, 0x0a, 5, 0x0a, 1, b'i', 0x22, 0]).unwrap();
    file.extend(writer.into_inner());
    assert_eq!(EventReader::new(file.as_slice()).map(Result::unwrap).count(), 7);
    assert_eq!(read(&[&file]).unwrap(), RunData::default());
}

#[test]
fn values_that_cannot_be_used_are_errors_with_their_place() {
    let start = write(&[Event::file_version(at(1.0))]);
    let check = |tensor: TensorProto, plugin: &str, expected: &str| {
        let file = [start.clone(), write(&[event("loss", ValueKind::Tensor(tensor), plugin)])].concat();
        let error = read(&[&file]).unwrap_err();
        let Error::File { path, cause } = error else { panic!("{error}") };
        assert!(path.ends_with("events.out.tfevents.0000000000.host.1.0.v2"), "{path:?}");
        let place = format!("record at byte {}: the value of tag \"loss\" cannot be used: ", start.len());
        assert_eq!(cause.to_string(), place + expected);
    };
    let boolean = TensorProto { dtype: 10, ..TensorProto::default() };
    check(
        boolean,
        "scalars",
        "its element type is number 10, expected 1 (float), 2 (double), 3 (int32) or 9 (int64)",
    );
    let nothing = TensorProto { dtype: 1, ..TensorProto::default() };
    check(nothing, "scalars", "it holds 0 bytes of elements, expected 4 bytes for its shape");
    let histogram = Histogram::of(&[1.0]).to_tensor();
    check(histogram, "scalars", "its shape is [30, 3], expected []");
    check(
        TensorProto { dtype: 2, ..TensorProto::default() },
        "histograms",
        "its shape is [], expected [k, 3]",
    );
}

#[test]
fn a_wall_time_that_is_nan_is_an_error() {
    let mut event = Event::scalar(at(1.0), "loss", Step(0), 0.5);
    event.wall_time = f64::NAN;
    let error = read(&[&write(&[event])]).unwrap_err();
    assert!(
        matches!(&error, Error::File { cause, .. } if matches!(**cause, Error::WallTime { offset: 0 })),
        "{error}"
    );
}

#[test]
fn a_payload_that_is_no_event_is_an_error_and_the_end() {
    let good = write(&[Event::file_version(at(1.0))]);
    let mut writer = RecordWriter::new(good.clone());
    writer.write(&[0xff; 20]).unwrap();
    writer.write(&[]).unwrap();
    let bytes = writer.into_inner();
    let mut events = EventReader::new(bytes.as_slice());
    assert!(events.next().unwrap().is_ok());
    let error = events.next().unwrap().unwrap_err();
    assert!(matches!(error, Error::Message { offset, .. } if offset == good.len() as u64), "{error}");
    assert!(events.next().is_none());
}

#[test]
fn a_folder_without_event_files_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("history.csv"), "").unwrap();
    fs::create_dir(dir.path().join("folder.tfevents")).unwrap();
    assert!(matches!(read_run(dir.path()), Err(Error::NoEventFile { .. })));
    assert!(matches!(read_run(&dir.path().join("none")), Err(Error::Folder { .. })));
    // An empty event file is a run without points.
    assert_eq!(read(&[&[]]).unwrap(), RunData::default());
}

fn tensors() -> impl Strategy<Value = TensorProto> {
    let dims = prop::collection::vec(prop_oneof![-1i64..5, Just(3), any::<i64>()], 0..4);
    let content = prop::collection::vec(any::<u8>(), 0..50);
    (
        prop_oneof![0i32..10, any::<i32>()],
        prop::option::of(dims),
        content,
        prop::collection::vec(any::<f32>(), 0..7),
    )
        .prop_map(|(dtype, dims, tensor_content, float_val)| TensorProto {
            dtype,
            tensor_shape: dims
                .map(|dims| TensorShapeProto { dim: dims.into_iter().map(|size| Dim { size }).collect() }),
            tensor_content,
            double_val: float_val.iter().copied().map(f64::from).collect(),
            float_val,
            ..TensorProto::default()
        })
}

/// Events as other programs might write them.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let plugin = prop_oneof![Just("scalars"), Just("histograms"), Just("text"), Just("")];
    let kind =
        prop_oneof![any::<f32>().prop_map(ValueKind::SimpleValue), tensors().prop_map(ValueKind::Tensor)];
    let one = (any::<f64>(), any::<i64>(), "[ab]{0,2}", plugin, kind).prop_map(
        |(time, step, tag, plugin, kind)| Event { wall_time: time, step, ..event(&tag, kind, plugin) },
    );
    prop::collection::vec(one, 0..8)
}

proptest! {
    #[test]
    fn no_file_makes_a_reader_panic_or_go_on_forever(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(EventReader::new(bytes.as_slice()).count() <= bytes.len() / 16 + 1);
        let _ = read(&[&bytes]);
    }

    #[test]
    fn no_payload_makes_a_reader_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut writer = RecordWriter::new(Vec::new());
        writer.write(&payload).unwrap();
        prop_assert_eq!(EventReader::new(writer.into_inner().as_slice()).count(), 1);
    }

    #[test]
    fn no_event_makes_a_run_panic(events in events()) {
        let _ = read(&[&write(&events)]);
    }

    #[test]
    fn events_come_back_from_their_bytes(events in events()) {
        let bytes = write(&events);
        let read: Result<Vec<Event>, Error> = EventReader::new(bytes.as_slice()).collect();
        // Bytes, because NaN is not equal to itself.
        prop_assert_eq!(write(&read.unwrap()), bytes);
    }

    #[test]
    fn values_come_back_from_a_run(values in prop::collection::vec(any::<f32>(), 1..20)) {
        let scalars: Vec<Event> = values
            .iter()
            .enumerate()
            .map(|(i, &value)| Event::scalar(at(i as f64), "loss", Step(i as i64), value))
            .collect();
        let histogram = Histogram::of(&values);
        let events = [scalars, vec![Event::histogram(at(2.0), "kernel", Step(7), &histogram)]].concat();
        let run = read(&[&write(&events)]).unwrap();
        for (point, (i, value)) in run.scalars["loss"].iter().zip(values.iter().enumerate()) {
            prop_assert_eq!((point.step, point.wall_time), (Step(i as i64), at(i as f64)));
            prop_assert!(point.value.to_bits() == value.to_bits() || value.is_nan() && point.value.is_nan());
        }
        prop_assert_eq!(run.scalars["loss"].len(), values.len());
        prop_assert_eq!(&run.histograms["kernel"][0].value.buckets, &histogram.buckets);
    }
}
