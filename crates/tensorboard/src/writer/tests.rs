//! Event files written, ended in all ways, and taken up again.

use std::fs;
use std::thread;
use std::time::Instant;

use super::*;
use crate::{EventReader, Run};

fn events(path: &Path) -> Vec<Event> {
    EventReader::new(fs::File::open(path).unwrap()).map(Result::unwrap).collect()
}

/// Steps and values of a curve, as they stand in the files.
fn curve(dir: &Path, tag: &str) -> Vec<(i64, f32)> {
    Run::open(dir).unwrap().scalars(tag).unwrap().iter().map(|point| (point.step.0, point.value)).collect()
}

/// The files that have something in them.
fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.metadata().unwrap().len() > 0)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Only what is asked for is written.
fn patient() -> WriterOptions {
    WriterOptions { flush_interval: Duration::from_secs(1000), ..WriterOptions::default() }
}

#[test]
fn the_first_event_is_in_the_file_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::create_with(dir.path().join("runs/one/train"), patient()).unwrap();
    let events = events(writer.path());
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].what, Some(What::FileVersion("brain.Event:2".to_owned())));
    let seconds = events[0].wall_time;
    assert_eq!(seconds.fract(), 0.0);
    let name = writer.path().file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.contains(&format!(".tfevents.{seconds:010}.")), "{name} at {seconds}");
}

#[test]
fn events_are_appended_with_the_time_of_writing() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path()).unwrap();
    let before = WallTime::now();
    writer.scalar("loss", 3, 0.5).unwrap();
    writer.histogram("kernel", Step(3), &[1.0f32, 2.0]).unwrap();
    let path = writer.path().to_owned();
    writer.close().unwrap();
    let at = WallTime::new(1.0).unwrap();
    let expected = [
        Event::scalar(at, "loss", Step(3), 0.5),
        Event::histogram(at, "kernel", Step(3), &Histogram::of(&[1.0, 2.0])),
    ];
    let events = events(&path);
    assert_eq!(events.len(), 1 + expected.len());
    for (event, expected) in events[1..].iter().zip(&expected) {
        assert!(event.wall_time >= before.seconds() && event.wall_time <= WallTime::now().seconds());
        assert_eq!(&Event { wall_time: 1.0, ..event.clone() }, expected);
    }
}

#[test]
fn scalars_are_the_nearest_that_readers_show() {
    let check = |value: f64, expected: f32| assert_eq!(in_f32_range(value).to_bits(), expected.to_bits());
    check(0.1, 0.1);
    check(f64::from(0.3f32), 0.3);
    check(1e300, f32::MAX);
    check(-1e300, f32::MIN);
    check(1e-300, 0.0);
    check(f64::NEG_INFINITY, f32::NEG_INFINITY);
    assert!(in_f32_range(f64::NAN).is_nan());
}

#[test]
fn values_that_are_not_finite_are_reported_beside_their_histogram() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path()).unwrap();
    let steps: [&[f32]; 4] = [&[1.0], &[1.0, f32::NAN, f32::INFINITY], &[2.0], &[f32::NAN]];
    let counts = steps.map(|values| writer.histogram("kernel", 0, values).unwrap());
    assert_eq!(counts, [0, 2, 0, 1]);
    for (step, values) in steps.into_iter().enumerate() {
        writer.histogram("again", step, values).unwrap();
    }
    writer.close().unwrap();
    assert_eq!(curve(dir.path(), "again/non_finite"), [(1, 2.0), (2, 0.0), (3, 1.0)]);
    let histograms = Run::open(dir.path()).unwrap().histograms("again").unwrap();
    assert_eq!(histograms.iter().map(|point| point.value.total()).collect::<Vec<_>>(), [1.0, 1.0, 1.0, 0.0]);
}

#[test]
fn a_tag_has_one_plugin() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path()).unwrap();
    writer.scalar("x", 0, 1.0).unwrap();
    let error = writer.histogram("x", 0, &[1.0f32]).unwrap_err().to_string();
    let said = "tag \"x\" has values of plugin \"scalars\", and TensorBoard would not show one of \"histograms\" \
                under it: use another tag";
    assert!(error.ends_with(said), "{error}");
    // The file goes on, also after it was taken up again.
    let saved = writer.sync().unwrap();
    assert_eq!(saved, Position(1));
    drop(writer);
    let mut writer = Writer::resume(dir.path(), saved).unwrap();
    assert!(writer.histogram("x", 0, &[1.0f32]).is_err());
    writer.scalar("x", 1, 2.0).unwrap();
    writer.close().unwrap();
    assert_eq!(curve(dir.path(), "x"), [(0, 1.0), (1, 2.0)]);
}

#[test]
fn an_event_without_a_time_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path()).unwrap();
    let event = Event { wall_time: f64::NAN, ..Event::scalar(WallTime::now(), "x", Step(0), 1.0) };
    let error = writer.write(&event).unwrap_err();
    assert!(matches!(&error, Error::File { cause, .. } if matches!(**cause, Error::NoTime)), "{error}");
}

#[test]
fn events_come_into_the_file_by_time_by_size_and_on_demand() {
    let until = |path: &Path, count: usize| {
        let began = Instant::now();
        while events(path).len() < count {
            assert!(began.elapsed() < Duration::from_secs(60), "{} of {count} events", events(path).len());
            thread::sleep(Duration::from_millis(1));
        }
    };
    let dir = tempfile::tempdir().unwrap();
    let soon = WriterOptions { flush_interval: Duration::from_millis(5), ..WriterOptions::default() };
    let mut by_time = Writer::create_with(dir.path().join("time"), soon).unwrap();
    by_time.scalar("loss", 0, 1.0).unwrap();
    until(by_time.path(), 2);
    by_time.scalar("loss", 1, 1.0).unwrap();
    until(by_time.path(), 3);

    let small = WriterOptions { flush_bytes: 100, ..patient() };
    let mut by_size = Writer::create_with(dir.path().join("size"), small).unwrap();
    by_size.scalar("loss", 0, 1.0).unwrap();
    assert_eq!(events(by_size.path()).len(), 1, "one event is less than 100 bytes");
    by_size.scalar("loss", 1, 1.0).unwrap();
    until(by_size.path(), 3);

    let mut on_demand = Writer::create_with(dir.path().join("demand"), patient()).unwrap();
    on_demand.scalar("loss", 0, 1.0).unwrap();
    assert_eq!(events(on_demand.path()).len(), 1);
    on_demand.flush().unwrap();
    assert_eq!(events(on_demand.path()).len(), 2);
    on_demand.scalar("loss", 1, 1.0).unwrap();
    let path = on_demand.path().to_owned();
    drop(on_demand);
    assert_eq!(events(&path).len(), 3, "a dropped writer leaves its events");
}

#[test]
fn a_small_buffer_makes_callers_wait_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let tiny = WriterOptions { max_buffered_bytes: 1, flush_bytes: 1, ..patient() };
    let mut writer = Writer::create_with(dir.path(), tiny).unwrap();
    for step in 0..500 {
        writer.scalar("loss", step, step).unwrap();
    }
    writer.close().unwrap();
    let expected: Vec<(i64, f32)> = (0..500u16).map(|step| (step.into(), step.into())).collect();
    assert_eq!(curve(dir.path(), "loss"), expected);
}

#[test]
fn a_file_that_vanished_is_an_error_to_the_caller() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create_with(dir.path(), patient()).unwrap();
    writer.scalar("loss", 0, 1.0).unwrap();
    fs::remove_file(writer.path()).unwrap();
    let error = writer.flush().unwrap_err().to_string();
    assert!(error.ends_with("cannot write: the file was removed while it was written"), "{error}");
    assert!(error.contains("events.out.tfevents."), "{error}");
    for error in [writer.scalar("loss", 1, 1.0), writer.flush(), writer.close()].map(Result::unwrap_err) {
        assert!(error.to_string().contains("an earlier write failed"), "{error}");
    }
}

/// `/dev/full` refuses every write.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_to_the_caller() {
    let open = || fs::File::options().write(true).open("/dev/full").unwrap();
    let path = Path::new("/dev/full");
    let file = BackgroundFile::new(open(), path, &patient()).unwrap();
    let append = |file: &BackgroundFile| {
        file.append(|bytes| {
            bytes.extend([1; 10]);
            Ok(())
        })
    };
    append(&file).unwrap();
    let error = file.flush(Reach::System).unwrap_err();
    assert!(error.to_string().starts_with("cannot write: No space left on device"), "{error}");
    assert!(matches!(append(&file), Err(Error::BrokenTail)));
    // Those who wait for room are woken.
    let file =
        BackgroundFile::new(open(), path, &WriterOptions { max_buffered_bytes: 5, ..patient() }).unwrap();
    append(&file).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| append(&file));
        let failed = [file.flush(Reach::Disk), waiting.join().unwrap()];
        assert!(failed.iter().any(Result::is_err), "{failed:?}");
    });
}

#[test]
fn positions_are_numbers_and_text() {
    assert_eq!("12".parse(), Ok(Position(12)));
    assert_eq!(Position(12).to_string(), "12");
    assert!("twelve".parse::<Position>().is_err());
}

/// A run of epochs `0..epochs`, two points each, that says where it is after `kept` of them.
fn run_until_stopped(dir: &Path, epochs: i32, kept: i32) -> Position {
    let mut writer = Writer::create(dir).unwrap();
    let mut saved = Position::default();
    for epoch in 0..epochs {
        writer.scalar("epoch_loss", epoch, f64::from(epoch)).unwrap();
        writer.scalar("evaluation_vs_iterations", (epoch + 1) * 100, f64::from(epoch)).unwrap();
        if epoch + 1 == kept {
            saved = writer.sync().unwrap();
        }
    }
    writer.close().unwrap();
    saved
}

#[test]
fn a_run_is_taken_up_where_its_checkpoint_was() {
    let dir = tempfile::tempdir().unwrap();
    let saved = run_until_stopped(dir.path(), 5, 3);
    assert_eq!(saved, Position(6));
    let before = Run::open(dir.path()).unwrap().scalars("epoch_loss").unwrap();
    // Killed again and again before it comes to its next checkpoint.
    for _ in 0..3 {
        let mut writer = Writer::resume(dir.path(), saved).unwrap();
        assert_eq!(writer.sync().unwrap(), saved);
        writer.scalar("epoch_loss", 3, 30.0).unwrap();
        assert_eq!(writer.sync().unwrap(), Position(7));
        assert_eq!(files(dir.path()).len(), 1);
        assert_eq!(curve(dir.path(), "epoch_loss"), [(0, 0.0), (1, 1.0), (2, 2.0), (3, 30.0)]);
        assert_eq!(curve(dir.path(), "evaluation_vs_iterations"), [(100, 0.0), (200, 1.0), (300, 2.0)]);
    }
    // The one that a loader may have open is still there, those before it are not.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    let after = Run::open(dir.path()).unwrap().scalars("epoch_loss").unwrap();
    assert_eq!(after[..3], before[..3], "with their own times");
    // For the Python loader the first start of a run is no restart.
    let path = dir.path().join(&files(dir.path())[0]);
    let starts = events(&path).iter().filter(|event| matches!(event.what, Some(What::SessionLog(_)))).count();
    assert_eq!(starts, 2);
}

#[test]
fn all_is_kept_on_request_also_of_other_programs() {
    let dir = tempfile::tempdir().unwrap();
    run_until_stopped(dir.path(), 2, 1);
    // A file cut in its last record, and one with damage in the middle.
    let name = files(dir.path()).remove(0);
    let whole = fs::read(dir.path().join(&name)).unwrap();
    fs::write(dir.path().join("a.tfevents.1"), &whole[..whole.len() - 1]).unwrap();
    let mut writer = Writer::create(dir.path()).unwrap();
    assert_eq!(writer.sync().unwrap(), Position(4 + 3), "what is there counts");
    writer.scalar("epoch_loss", 2, 2.0).unwrap();
    writer.close().unwrap();
    drop(Writer::resume(dir.path(), Keep::All).unwrap());
    assert_eq!(files(dir.path()).len(), 1);
    assert_eq!(curve(dir.path(), "epoch_loss"), [(0, 0.0), (1, 1.0), (2, 2.0)]);
    assert_eq!(Run::open(dir.path()).unwrap().series().unwrap()[0].points, 5);
}

#[test]
fn fields_without_a_name_here_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    drop(Writer::create(dir.path()).unwrap());
    let path = dir.path().join(files(dir.path()).remove(0));
    // A scalar with `node_name`, field 7 of a value.
    let payload = [&[0x2a, 13, 0x0a, 11][..], b"\x0a\x01x\x15\0\0\x80\x3f\x3a\x01n"].concat();
    let mut file = fs::File::options().append(true).open(&path).unwrap();
    crate::RecordWriter::new(&mut file).write(&payload).unwrap();
    drop(Writer::resume(dir.path(), Position(1)).unwrap());
    let path = dir.path().join(files(dir.path()).remove(0));
    let bytes = fs::read(path).unwrap();
    assert!(bytes.windows(payload.len()).any(|window| window == payload));
    assert_eq!(curve(dir.path(), "x"), [(0, 1.0)]);
}

#[test]
fn a_resume_that_was_killed_leaves_the_old_files_or_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let saved = run_until_stopped(dir.path(), 5, 3);
    // Before it gave the new file its name.
    fs::write(dir.path().join("77.resumed.partial"), "half of").unwrap();
    assert_eq!(curve(dir.path(), "epoch_loss").len(), 5);
    let old = files(dir.path()).into_iter().find(|name| name.contains("tfevents")).unwrap();
    let bytes = fs::read(dir.path().join(&old)).unwrap();
    drop(Writer::resume(dir.path(), saved).unwrap());
    assert_eq!(files(dir.path()).len(), 1, "{:?}", files(dir.path()));
    // Before it removed the old file: that is not read any more, and not kept either.
    fs::write(dir.path().join(&old), bytes).unwrap();
    assert_eq!(curve(dir.path(), "epoch_loss").len(), 3);
    let writer = Writer::resume(dir.path(), saved).unwrap();
    assert_eq!(writer.sync().unwrap(), saved);
    assert_eq!(files(dir.path()).len(), 1);
    assert_eq!(curve(dir.path(), "epoch_loss").len(), 3);
}

#[test]
fn a_log_that_lost_events_is_an_error_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    run_until_stopped(dir.path(), 2, 2);
    let before = files(dir.path());
    let error = Writer::resume(dir.path(), Position(5)).unwrap_err();
    assert!(
        error.to_string().contains("has 4 of the 5 events that were written until the checkpoint"),
        "{error}"
    );
    assert_eq!(files(dir.path()), before);
    // No folder at all: as many events as there are, or none.
    let none = dir.path().join("none");
    assert!(Writer::resume(&none, Position(1)).is_err());
    drop(Writer::resume(&none, Position(0)).unwrap());
    assert_eq!(files(&none).len(), 1);
}
