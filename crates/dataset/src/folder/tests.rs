//! Folders of small pictures, right and wrong.

use std::fs;
use std::sync::atomic::AtomicBool;

use image::{Rgb, RgbImage};

use super::*;

/// A picture of one colour, in the format that its name says.
fn write(dir: &Path, name: &str, value: u8) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_pixel(6, 4, Rgb([value, 0, 255 - value])).save(path).unwrap();
}

/// A folder of these pictures, the first of value 0, the next of 10 and so on.
fn folder(names: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (i, name) in names.iter().enumerate() {
        write(dir.path(), name, (10 * i % 250) as u8);
    }
    dir
}

/// The value that each picture was written with, by its red.
fn values(dataset: &Dataset) -> Vec<u8> {
    (0..dataset.pictures().len()).map(|i| dataset.pictures().picture(i)[0]).collect()
}

/// Pictures of 4 x 4.
fn read(dir: &Path) -> Result<Dataset> {
    load(dir, 4, &|_, _| ())
}

/// What is read of a folder: classes, counts, labels and values.
#[track_caller]
fn check_read(dir: &Path, classes: &[&str], counts: [usize; 3], labels: &[u8], expect: &[u8]) {
    let read = read(dir).unwrap();
    let [train, validation, test] = counts;
    assert_eq!(read.classes(), classes);
    assert_eq!((read.source(), read.given()), (Source::Folder, Given { train, validation, test }));
    assert_eq!(read.pictures().labels(), labels);
    // A JPEG's colours may be off by a little.
    let values = values(&read);
    assert!(
        values.len() == expect.len() && values.iter().zip(expect).all(|(a, b)| a.abs_diff(*b) < 4),
        "{values:?}"
    );
    assert_eq!(read.pictures().shape(), crate::Shape { channels: 3, height: 4, width: 4 });
}

/// What reading a folder says after `change`; the folder has cat/1.png and dog/2.png.
#[track_caller]
fn check(change: impl FnOnce(&Path), expect: &str) {
    let dir = folder(&["cat/1.png", "dog/2.png"]);
    change(dir.path());
    check_error(dir.path(), expect);
}

#[track_caller]
fn check_error(dir: &Path, expect: &str) {
    let error = read(dir).unwrap_err().to_string();
    // A path in what is expected is written as on Unix.
    let said = error.replace('\\', "/");
    assert!(said.contains(expect) && !said.contains('\n'), "{error}\ndoes not say\n{expect}");
}

/// What reading a folder of these pictures says.
#[track_caller]
fn check_names(names: &[&str], expect: &str) {
    check_error(folder(names).path(), expect);
}

#[test]
fn classes_alone_are_training_pictures() {
    let dir = folder(&[
        "dog/b.png",
        "dog/a.JPG",
        "cat/z.jpeg",
        "Zebra/deep/er/1.PNG",
        "Zebra/deep.png",
        "Zebra/e.png",
    ]);
    // Upper case first, as bytes are; "deep" before "deep.png" before "e.png".
    check_read(
        dir.path(),
        &["Zebra", "cat", "dog"],
        [6, 0, 0],
        &[0, 0, 0, 1, 2, 2],
        &[30, 40, 50, 20, 10, 0],
    );
}

#[test]
fn parts_are_read_in_their_order() {
    for (train, validation, test) in
        [("train", "val", "test"), ("TRAIN", "Valid", "Test"), ("training", "validation", "testing")]
    {
        let names = [
            format!("{test}/b/1.png"),
            format!("{test}/a/1.png"),
            format!("{validation}/b/1.png"),
            format!("{validation}/a/1.png"),
            format!("{train}/b/1.png"),
            format!("{train}/a/1.png"),
            format!("{train}/a/2.png"),
        ];
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let expect = [50, 60, 40, 30, 20, 10, 0];
        check_read(folder(&names).path(), &["a", "b"], [3, 2, 2], &[0, 0, 1, 0, 1, 0, 1], &expect);
        check_read(folder(&names[4..]).path(), &["a", "b"], [3, 0, 0], &[0, 0, 1], &[10, 20, 0]);
        let without = [&names[..2], &names[4..]].concat();
        check_read(folder(&without).path(), &["a", "b"], [3, 0, 2], &[0, 0, 1, 0, 1], &[30, 40, 20, 10, 0]);
    }
}

#[test]
fn what_is_no_picture_is_left_alone() {
    let dir = folder(&["cat/1.png", "dog/2.png", ".hidden/3.png", "cat/.4.png", "cat/.thumbnails/5.png"]);
    for name in
        ["readme.txt", "labels.csv", "cat/Thumbs.db", "cat/.DS_Store", "dog/noextension", "dog/a.json"]
    {
        fs::write(dir.path().join(name), "no picture").unwrap();
    }
    check_read(dir.path(), &["cat", "dog"], [2, 0, 0], &[0, 1], &[0, 10]);
}

#[test]
fn folders_without_the_layout_are_named() {
    check_names(&[], ": no classes in it, expected a folder of pictures for each class");
    check_names(&["cat/1.png"], ": the only class in it is cat, expected");
    check_names(&["train/cat/1.png"], "train: the only class in it is cat, expected");
    check_names(&["train/1.png"], "train/1.png: a picture outside of any class, expected");
    check_names(&["test/a/1.png", "a/1.png"], "test: there is no folder train beside it, expected");
    check_names(&["val/a/1.png", "val/b/1.png"], "val: there is no folder train beside it, expected");
    check_names(
        &["train/a/1.png", "train/b/1.png", "valid/a/1.png", "val/a/1.png"],
        "val: the folder valid is the same part, expected one of them",
    );
    check_names(&["train/a/1.png", "train/b/1.png", "bus/1.png"], "bus: a folder beside ");
    check_names(
        &["train/a/1.png", "train/b/1.png", "test/a/1.png"],
        "test: there is no class b, which is in ",
    );
    check_names(
        &["train/a/1.png", "train/b/1.png", "val/a/1.png", "val/b/1.png", "val/c/1.png"],
        "train: there is no class c, which is in ",
    );
    check(|dir| write(dir, "1.png", 0), "1.png: a picture outside of any class");
    check_names(&["train/a/1.png", "train/b/1.png", "1.png"], "1.png: a picture outside of any class");
    check(|dir| fs::write(dir.join("1.gif"), "").unwrap(), "1.gif: a picture outside of any class");
    check(|dir| fs::create_dir(dir.join("empty")).unwrap(), "empty: a class without pictures, expected");
    check(|dir| fs::create_dir_all(dir.join("e/m/p")).unwrap(), "e: a class without pictures");
    check(
        |dir| fs::write(dir.join("cat/old.TIFF"), "").unwrap(),
        "cat/old.TIFF: pictures of this format are not",
    );
    check(
        |dir| fs::write(dir.join("dog/a.webp"), "").unwrap(),
        "dog/a.webp: pictures of this format are not",
    );
    let dir = folder(&["a.png"]);
    check_error(&dir.path().join("missing"), "cannot read ");
    check_error(&dir.path().join("a.png"), "a.png: not a folder, expected a folder of pictures");
}

#[test]
fn labels_must_fit_a_byte() {
    let names: Vec<String> = (0..257).map(|i| format!("{i:03}/1.png")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    check_names(&names, ": 257 classes in it, expected at most 256");
    let most = read(folder(&names[..256]).path()).unwrap();
    assert_eq!((most.classes().len(), most.pictures().label(255)), (256, 255));
}

#[test]
fn the_first_bad_picture_in_order_is_named() {
    check(
        |dir| fs::write(dir.join("dog/3.png"), "").unwrap(),
        "dog/3.png: the picture is neither PNG nor JPEG",
    );
    check(|dir| fs::write(dir.join("cat/3.jpg"), "GIF89a").unwrap(), "cat/3.jpg: the picture is neither");
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        for i in 0..40 {
            write(dir.path(), &format!("cat/{i:02}.png"), 0);
            write(dir.path(), &format!("dog/{i:02}.png"), 0);
        }
        // The first is long, so that another thread meets the second before.
        let mut long = fs::read(dir.path().join("cat/20.png")).unwrap();
        long.truncate(long.len() - 20);
        fs::write(dir.path().join("cat/20.png"), long).unwrap();
        fs::write(dir.path().join("cat/21.png"), "").unwrap();
        fs::write(dir.path().join("dog/00.png"), "").unwrap();
        check_error(dir.path(), "cat/20.png: corrupt picture");
    }
}

#[test]
fn sizes_are_limited() {
    let dir = folder(&["cat/1.png", "dog/2.png"]);
    for (side, expect) in [(0, "0 pixels a side, expected 1 to 1024"), (1025, "1025 pixels a side, expected")]
    {
        let error = load(dir.path(), side, &|_, _| ()).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
    let largest = load(dir.path(), 1024, &|_, _| ()).unwrap();
    assert_eq!(largest.pictures().pixels().len(), 2 * 3 * 1024 * 1024);
    let error = room(dir.path(), 3000, 3 << 20).unwrap_err().to_string();
    assert!(error.contains("need 9437184000 bytes of memory, expected at most 8589934592"), "{error}");
    let error = room(dir.path(), usize::MAX, 2).unwrap_err().to_string();
    assert!(error.contains("expected at most"), "{error}");
}

#[test]
fn progress_is_told_of_every_picture() {
    let names: Vec<String> = (0..30).map(|i| format!("{}/{i}.png", i % 2)).collect();
    let dir = folder(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let told = [const { AtomicBool::new(false) }; 31];
    load(dir.path(), 4, &|done, all| {
        assert_eq!(all, 30);
        assert!(!told[done].swap(true, Ordering::Relaxed), "{done} was told twice");
    })
    .unwrap();
    assert_eq!(told.iter().filter(|told| told.load(Ordering::Relaxed)).count(), 30);
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn links_are_followed() {
        let dir = folder(&["data/a/1.png", "data/b/2.png", "elsewhere/c/3.png", "elsewhere/4.png"]);
        let (data, elsewhere) = (dir.path().join("data"), dir.path().join("elsewhere"));
        symlink(elsewhere.join("c"), data.join("c")).unwrap();
        symlink(elsewhere.join("4.png"), data.join("a/linked.png")).unwrap();
        // The same folder twice is no circle.
        symlink("c", data.join("d")).unwrap();
        check_read(&data, &["a", "b", "c", "d"], [5, 0, 0], &[0, 0, 1, 2, 3], &[0, 30, 10, 20, 20]);
        symlink(&data, dir.path().join("all")).unwrap();
        let (all, direct) = (read(&dir.path().join("all")).unwrap(), read(&data).unwrap());
        assert_eq!((all.fingerprint(), values(&all)), (direct.fingerprint(), values(&direct)));
        assert_eq!(direct.name(0), data.join("a/1.png").display().to_string());
    }

    #[test]
    fn links_in_a_circle_are_named() {
        let check_link = |to: &str, link: &str, expect: &str| {
            check(|dir| symlink(to, dir.join(link)).unwrap(), expect);
        };
        check_link(".", "dog/again", "dog/again: the link leads in a circle, back to ");
        check_link("..", "dog/again", "dog/again: the link leads in a circle, back to ");
        check_link("../..", "dog/again", "dog/again: the link leads in a circle, back to ");
        check_link("/", "dog/again", "dog/again: the link leads in a circle, back to /:");
        check_link(".", "again", "again: the link leads in a circle, back to ");
        check_link("again", "again", "cannot follow the link ");
        check_link("nowhere", "dog/gone", "dog/gone: No such file");
        check(
            |dir| {
                symlink("../dog", dir.join("cat/to_dog")).unwrap();
                symlink("../cat", dir.join("dog/to_cat")).unwrap();
            },
            "cat/to_dog/to_cat: the link leads in a circle",
        );
        let dir = folder(&["train/a/1.png", "train/b/1.png"]);
        symlink(".", dir.path().join("test")).unwrap();
        check_error(dir.path(), "test: the link leads in a circle");
    }

    #[test]
    fn unreadable_folders_are_named() {
        let dir = folder(&["cat/1.png", "dog/2.png"]);
        let closed = dir.path().join("dog");
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        // Permissions do not bind root, as which containers often test.
        if fs::read_dir(&closed).is_err() {
            check_error(dir.path(), "cannot list ");
        }
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn names_of_classes_must_be_text() {
        use std::os::unix::ffi::OsStrExt;
        let dir = folder(&["cat/1.png", "dog/2.png"]);
        let name = std::ffi::OsStr::from_bytes(b"f\xffx");
        fs::rename(dir.path().join("dog"), dir.path().join(name)).unwrap();
        check_error(dir.path(), "the name of a class must be valid UTF-8");
        // Of a file it need not be.
        let dir = folder(&["cat/1.png", "dog/2.png"]);
        let name = std::ffi::OsStr::from_bytes(b"f\xff.png");
        fs::rename(dir.path().join("dog/2.png"), dir.path().join("dog").join(name)).unwrap();
        check_read(dir.path(), &["cat", "dog"], [2, 0, 0], &[0, 1], &[0, 10]);
    }
}
