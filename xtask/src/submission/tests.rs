//! The whole packing of a small made-up run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::test_run::{git, make_program, make_run};
use super::unpack::Unpacked;
use super::*;

struct Place {
    temp: tempfile::TempDir,
}

impl Place {
    /// A run named `001-shapes`, and a program.
    fn new() -> Self {
        let place = Self { temp: tempfile::tempdir().unwrap() };
        make_run(&place.run(), 5);
        make_program(&place.program());
        place
    }

    fn run(&self) -> PathBuf {
        self.temp.path().join("runs/001-shapes")
    }

    fn program(&self) -> PathBuf {
        self.temp.path().join("program")
    }

    fn options(&self, out: &str) -> Packing {
        Packing {
            out: Some(self.temp.path().join(out)),
            lang: Languages::Both,
            allow_dirty: false,
            max_size: 20,
        }
    }

    fn pack(&self, options: &Packing) -> Result<Packed> {
        pack(&FinishedRun::open(&self.run())?, options, &self.program())
    }

    /// The files of an archive by their names.
    fn files(&self, options: &Packing) -> BTreeMap<String, Vec<u8>> {
        let unpacked = Unpacked::open(&self.pack(options).unwrap().path).unwrap();
        let read = |name: &String| (name.clone(), fs::read(unpacked.folder().join(name)).unwrap());
        unpacked.sha256.keys().map(read).collect()
    }
}

fn text<'a>(files: &'a BTreeMap<String, Vec<u8>>, name: &str) -> &'a str {
    std::str::from_utf8(&files[name]).unwrap()
}

#[test]
fn everything_is_in_and_the_bytes_are_the_same_again() {
    let place = Place::new();
    let files = place.files(&place.options("one.zip"));
    place.pack(&place.options("two.zip")).unwrap();
    let bytes = |name| fs::read(place.temp.path().join(name)).unwrap();
    assert_eq!(bytes("one.zip"), bytes("two.zip"));

    let mut names: Vec<&str> = files.keys().map(String::as_str).collect();
    names.retain(|name| !name.contains("events.out.tfevents."));
    for name in ["accuracy", "loss", "overview", "confusion", "histograms-conv2d", "histograms-dense"] {
        let picture = format!("pictures/{name}.png");
        assert!(files[&picture].starts_with(b"\x89PNG"), "{picture}");
    }
    names.retain(|name| !name.starts_with("pictures/"));
    let expected = [
        "README.md",
        "README.pl.md",
        "SHA256SUMS",
        "program/.gitignore",
        "program/Cargo.lock",
        "program/Cargo.toml",
        "program/src/main.rs",
        "run/config.toml",
        "run/history.csv",
        "run/history.jsonl",
        "run/model.safetensors",
        "run/model.safetensors.md5",
        "run/report.html",
        "run/results.toml",
        "submission.toml",
    ];
    assert_eq!(names, expected);
    for part in ["run/events", "run/train/events", "run/validation/events"] {
        assert!(files.keys().any(|name| name.starts_with(part)), "{part}");
    }
}

#[test]
fn the_pages_answer_in_the_order_of_the_assignment() {
    let place = Place::new();
    let files = place.files(&place.options("a.zip"));
    let check = |page: &str, parts: &[&str]| {
        let text = text(&files, page);
        let mut rest = text;
        for part in parts {
            let (_, after) =
                rest.split_once(part).unwrap_or_else(|| panic!("{part} is not (in this order) in\n{text}"));
            rest = after;
        }
        // Every link leads to a file that is there.
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(files.contains_key(link), "{link}");
        }
    };
    let md5 = text(&files, "run/model.safetensors.md5").split(' ').next().unwrap();
    check(
        "README.md",
        &[
            "shapes (drawn pictures, not CIFAR-10)",
            "50.00 %",
            "### 1. The program",
            "trainer --dataset shapes",
            "### 2. The md5",
            md5,
            "### 3. How the weight histograms",
            "| conv2d/kernel | 12 | -0.500 to 0.600 |",
            "(pictures/histograms-conv2d.png)",
            "(pictures/histograms-dense.png)",
            "### 4. Accuracy",
            "(pictures/accuracy.png)",
            "25.00 % in epoch 1 of 2",
            "too few epochs",
            "it has 2 epochs",
            "6 (60.00 %), 2 (20.00 %), 2 (20.00 %)",
        ],
    );
    check(
        "README.pl.md",
        &[
            "50,00 %",
            "### 1. Program",
            "### 2. Suma md5",
            md5,
            "### 3. Jak",
            "### 4. Dokładność",
            "25,00 % w epoce 1 z 2",
        ],
    );
}

#[test]
fn one_language_is_the_only_page() {
    let place = Place::new();
    let check = |lang, begin: &str| {
        let files = place.files(&Packing { lang, ..place.options("a.zip") });
        assert!(text(&files, "README.md").starts_with(begin));
        assert!(!files.contains_key("README.pl.md"));
    };
    check(Languages::Pl, "# Sieć");
    check(Languages::En, "# A convolutional");
}

#[test]
fn a_program_that_is_not_as_committed_needs_a_word() {
    let place = Place::new();
    let origin =
        |files: &BTreeMap<String, Vec<u8>>| Origin::parse(text(files, "submission.toml")).unwrap().program;
    let clean = origin(&place.files(&place.options("a.zip")));
    assert_eq!((clean.state, clean.revision.as_ref().unwrap().len()), (origin::State::Committed, 40));
    assert!(clean.rustc.starts_with("rustc 1.") && clean.cargo.starts_with("cargo 1."), "{clean:?}");

    fs::write(place.program().join("src/main.rs"), "fn main() { panic!() }\n").unwrap();
    fs::write(place.program().join("new.txt"), "new\n").unwrap();
    fs::remove_file(place.program().join("Cargo.lock")).unwrap();
    fs::create_dir(place.program().join("target")).unwrap();
    fs::write(place.program().join("target/built"), "large").unwrap();
    let error = place.pack(&place.options("b.zip")).unwrap_err().to_string();
    assert!(
        error.contains("not as committed (D Cargo.lock and 2 more)") && error.contains("--allow-dirty"),
        "{error}"
    );
    assert!(!place.temp.path().join("b.zip").exists());

    let files = place.files(&Packing { allow_dirty: true, ..place.options("c.zip") });
    assert_eq!((origin(&files).state, origin(&files).revision), (origin::State::Changed, clean.revision));
    let difference = text(&files, "program.diff");
    for part in ["+fn main() { panic!() }", "+new\n", "deleted file mode"] {
        assert!(difference.contains(part), "{difference}");
    }
    assert_eq!(text(&files, "program/new.txt"), "new\n");
    assert!(!files.contains_key("program/Cargo.lock") && !files.contains_key("program/target/built"));
    assert!(text(&files, "README.md").contains("with the changes in `program.diff`"));
    // The user's index is as it was.
    git(&place.program(), &["diff", "--cached", "--quiet"]);
}

#[test]
fn a_program_without_git_needs_a_word() {
    let place = Place::new();
    fs::remove_dir_all(place.program().join(".git")).unwrap();
    fs::create_dir(place.program().join("data")).unwrap();
    fs::write(place.program().join("data/pictures.bin"), "large").unwrap();
    let error = place.pack(&place.options("b.zip")).unwrap_err().to_string();
    assert!(error.contains("is not in a git repository") && error.contains("--allow-dirty"), "{error}");
    let files = place.files(&Packing { allow_dirty: true, ..place.options("c.zip") });
    let origin = Origin::parse(text(&files, "submission.toml")).unwrap().program;
    assert_eq!((origin.state, origin.revision), (origin::State::Unknown, None));
    assert!(files.contains_key("program/src/main.rs") && !files.contains_key("program/data/pictures.bin"));
}

#[test]
fn what_cannot_be_handed_in_is_refused() {
    let place = Place::new();
    let run = place.run();
    let check = |change: &dyn Fn(), expected: &str| {
        let _ = fs::remove_dir_all(&run);
        make_run(&run, 1);
        change();
        let error = format!("{:#}", place.pack(&place.options("out.zip")).unwrap_err());
        assert!(error.contains(expected), "{error}");
        assert!(!place.temp.path().join("out.zip").exists());
    };
    let write = |name: &str, content: &str| fs::write(run.join(name), content).unwrap();
    check(&|| fs::remove_dir_all(&run).unwrap(), "no run folder");
    check(&|| fs::remove_file(run.join("results.toml")).unwrap(), "not a finished run");
    check(&|| write("model.safetensors", "other"), "not the one that was trained here");
    check(&|| fs::remove_dir_all(run.join("train")).unwrap(), "cannot draw the pictures");
    check(&|| write("history.csv", "epoch\n"), "expected a column \"learning_rate\", found epoch");
    check(&|| write("config.toml", "x = 1\n"), "is not what the trainer writes");
}

#[test]
fn pictures_of_tensorboard_go_in_while_they_are_of_this_run() {
    let place = Place::new();
    let open = || FinishedRun::open(&place.run()).unwrap();
    let about = TensorBoard { version: "2.21.0".to_owned(), browser: "Some/1".to_owned() };
    let taken = [("histograms-conv2d-offset.png", "png"), ("accuracy.png", "png2")];
    let taken = taken.map(|(name, png)| (format!("tensorboard/{name}"), png.as_bytes().to_vec())).to_vec();
    crate::screenshots::write_for_test(&open(), &taken, about.clone());
    let files = place.files(&place.options("a.zip"));
    assert_eq!(files["pictures/tensorboard/accuracy.png"], b"png2");
    assert_eq!(Origin::parse(text(&files, "submission.toml")).unwrap().tensorboard, Some(about));
    let page = text(&files, "README.md");
    assert!(page.contains("epochs](pictures/tensorboard/histograms-conv2d-offset.png)"), "{page}");
    assert!(page.contains("epochs](pictures/tensorboard/accuracy.png)"), "{page}");

    fs::write(place.run().join("screenshots/tensorboard/accuracy.png"), "painted").unwrap();
    let error = place.pack(&place.options("b.zip")).unwrap_err().to_string();
    assert!(error.contains("is not the picture that was taken"), "{error}");

    // Trained on: the event files are others.
    fs::write(place.run().join("train/events.out.tfevents.9.vm.9.0.v2"), "").unwrap();
    let error = place.pack(&place.options("b.zip")).unwrap_err().to_string();
    assert!(error.contains("are older than the run"), "{error}");
    assert!(!place.temp.path().join("b.zip").exists());
}

#[test]
fn the_latest_finished_run_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    for (name, started) in [("a", 7), ("b", 6), ("c", 8)] {
        make_run(&dir.path().join(name), started);
    }
    fs::remove_file(dir.path().join("c/results.toml")).unwrap();
    assert_eq!(FinishedRun::find("latest", dir.path()).unwrap().name(), "a");
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let error = FinishedRun::find("latest", Path::new(&empty)).unwrap_err().to_string();
    assert!(error.starts_with("no finished run in"), "{error}");
}
