//! A user's own pictures: a folder of files trains, whatever the files are called; what is in it is told and shown.

use std::fs;
use std::path::Path;

use tensorboard::{Image, Run};

use crate::program::{Ended, trainer};
use crate::run_files::{md5, setting};

const SIDE: usize = 24;

/// Writes a PNG of stripes that differ by class and number.
fn write(path: &Path, class: usize, number: usize) {
    let value = |i: usize| ((i / SIDE * (class + 1) * 20 + i % SIDE * number * 3) % 256) as u8;
    let planes: Vec<u8> = (0..3 * SIDE * SIDE).map(value).collect();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, Image::chw([3, SIDE, SIDE], &planes).unwrap().as_bytes()).unwrap();
}

/// Thirty pictures in each of three classes, their files named by `name`.
fn write_folder(folder: &Path, name: impl Fn(usize) -> String) {
    for (class, class_name) in ["bars", "dots", "rings"].into_iter().enumerate() {
        for number in 0..30 {
            write(&folder.join(class_name).join(name(number)), class, number);
        }
    }
}

/// The first bytes of every PNG.
const PNG: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

#[test]
fn a_folder_trains_and_file_names_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(&folder.path().join("mine"), |i| format!("{i:02}.png"));
    write_folder(&folder.path().join("renamed"), |i| format!("new/picture {}.PNG", 99 - i));
    let train = |dataset: &str, options: &str| {
        let options = format!("--dataset {dataset} --image-size 24 --epochs 1 {options}");
        trainer(folder.path(), &options).with(0)
    };
    let run = |name: &str| folder.path().join(name);
    let ended = train("mine", "--run-dir one");
    assert!(
        ended.stderr.contains("a folder of pictures: 60 / 15 / 15 = 66.7 / 16.7 / 16.7 %"),
        "{}",
        ended.stderr
    );
    let data = |key: &str| setting(&run("one"), "config.toml", &format!("data.{key}"));
    assert_eq!(data("source").as_str(), Some("folder"));
    let classes: Vec<_> =
        data("classes").as_array().unwrap().iter().map(|c| c.as_str().unwrap().to_owned()).collect();
    assert_eq!(classes, ["bars", "dots", "rings"]);
    assert_eq!(setting(&run("one"), "config.toml", "config.dataset").as_str(), Some("mine"));
    assert_eq!(setting(&run("one"), "config.toml", "config.image-size").as_integer(), Some(24));

    train("renamed", "--run-dir other");
    assert_eq!(data("fingerprint"), setting(&run("other"), "config.toml", "data.fingerprint"));
    assert_eq!(md5(&run("one")), md5(&run("other")));

    // Without a name of its own the run has the folder's.
    train("mine", "");
    assert_eq!(md5(&run("runs/001-mine")), md5(&run("one")));
}

#[test]
fn parts_of_a_folder_and_sizes_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    for (part, count) in [("train", 20), ("val", 4), ("test", 6)] {
        for class in 0..2 {
            for number in 0..count {
                let path = folder.path().join(format!("mine/{part}/class{class}/{number}.png"));
                write(&path, class, number + count * 100);
            }
        }
    }
    let table = |options: &str| {
        let ended =
            trainer(folder.path(), &format!("dataset --dataset mine --image-size 20 {options}")).with(0);
        ended
            .stdout
            .lines()
            .find(|line| line.starts_with("together"))
            .unwrap()
            .split_whitespace()
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(table(""), ["40", "8", "12", "60"]);
    assert_eq!(table("--split 70%,15%,15%"), ["42", "9", "9", "60"]);
    assert_eq!(table("--split 30,10,10"), ["30", "10", "10", "50"]);
    assert_eq!(table("--validation test"), ["48", "12", "60"]);
}

#[test]
fn what_is_in_a_dataset_is_told_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(&folder.path().join("mine"), |i| format!("{i:02}.png"));
    write(&folder.path().join("mine/dots/again.png"), 0, 7);
    let Ended { stdout, stderr, .. } =
        trainer(folder.path(), "dataset --dataset mine --image-size 24").with(0);
    assert!(
        stdout.starts_with("a folder of pictures: 91 pictures of 3x24x24 in 3 classes\nfingerprint "),
        "{stdout}"
    );
    assert!(stdout.contains("1 pictures have the same pixels as an earlier one"), "{stdout}");
    assert!(stdout.contains("mine/bars/07.png (bars, "), "{stdout}");
    assert!(stdout.contains("mine/dots/again.png (dots, "), "{stdout}");
    assert!(stderr.contains("wrote dataset.png"), "{stderr}");
    assert_eq!(fs::read(folder.path().join("dataset.png")).unwrap()[..8], PNG);
}

#[test]
fn a_preview_shows_what_training_logs() {
    let folder = tempfile::tempdir().unwrap();
    let augment = "--dataset shapes --limit 100 --augment flip,shift:4,rotate:15";
    trainer(folder.path(), &format!("preview {augment} --pictures 8 --epochs 5 --out p.png")).with(0);
    let preview = fs::read(folder.path().join("p.png")).unwrap();
    assert_eq!(preview[..8], PNG);
    trainer(folder.path(), &format!("{augment} --epochs 1 --run-dir run")).with(0);
    let logged = Run::open(folder.path().join("run/train")).unwrap().images("augmentation").unwrap();
    let [point] = &logged[..] else { panic!("{} points", logged.len()) };
    assert!(point.value.encoded == [preview], "another picture is logged");
    assert!(!folder.path().join("runs").exists(), "a preview is no run");
}

#[test]
fn bad_pictures_get_one_line_that_names_the_file() {
    let check = |change: fn(&Path), code: i32, options: &str, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        write_folder(&folder.path().join("mine"), |i| format!("{i:02}.png"));
        change(&folder.path().join("mine"));
        let ended = trainer(folder.path(), &format!("--epochs 1 {options}")).with(code);
        assert!(ended.stderr.starts_with("error: ") && ended.stderr.contains(expected), "{}", ended.stderr);
        assert_eq!((ended.stderr.lines().count(), ended.stdout.as_str()), (1, ""), "{}", ended.stderr);
        assert!(!folder.path().join("runs").exists());
    };
    let mine = "--dataset mine";
    check(
        |_| (),
        2,
        "--dataset nowhere",
        "--dataset nowhere: there is no such folder; expected cifar10, shapes, or",
    );
    check(
        |_| (),
        2,
        "--dataset shapes --image-size 24",
        "--image-size is for folders of pictures, not for shapes",
    );
    check(|dir| fs::write(dir.join("dots/05.png"), "no picture").unwrap(), 1, mine, "mine/dots/05.png");
    check(|dir| fs::create_dir(dir.join("empty")).unwrap(), 1, mine, "mine/empty");
    check(|_| (), 1, "--dataset mine --split 80,30,1", "80 + 30 + 1 pictures, but there are 90");
    check(|_| (), 1, "--dataset mine --image-size 16", "layer conv2d_2 does not fit its input");
    check(|_| (), 2, "--dataset mine --batch-size 99 --last-batch drop", "--last-batch drop leaves nothing");
}
