//! Fetching from a server of the hub's shape that `HF_ENDPOINT` names, with a cache that `HF_HOME` names.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use dataset::{FetchRecord, Source, binary};
use tempfile::TempDir;

use crate::test_hub::{COMMIT, elsewhere, here};
use crate::test_server::{Reply, Request, Server};
use crate::{fetch_cifar, table};

const TRAIN: &str = "plain_text/train-00000-of-00001.parquet";
const TEST: &str = "plain_text/test-00000-of-00001.parquet";

/// The hub's files of training and of test pictures.
static TABLES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [50_000, 10_000].map(table::of_pictures));

/// The file that is asked for, of the hub's two files.
fn asked<'a>(request: &Request, files: &'a [Vec<u8>; 2]) -> Option<&'a [u8]> {
    let path = request.path.strip_prefix("/datasets/uoft-cs/cifar10/resolve/")?;
    match path.strip_prefix("main/").or_else(|| path.strip_prefix(COMMIT)?.strip_prefix('/'))? {
        TRAIN => Some(&files[0]),
        TEST => Some(&files[1]),
        _ => None,
    }
}

/// A user's folder, with the cache in it.
struct User(TempDir);

impl User {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Fetches from the hub at `endpoint` into a data folder; gives the exit code and what is said.
    fn fetch(&self, endpoint: &str, data: &str) -> (Option<i32>, String) {
        let home = self.home();
        let environment = [("HF_ENDPOINT", endpoint), ("HF_HOME", home.to_str().unwrap())];
        fetch_cifar(self.0.path(), &["--source", "hub", "--data-dir", data], &environment)
    }

    /// Fetches, which fails with `expect` on one line after `notes` lines of the log, and leaves nothing in the
    /// data folder's place.
    #[track_caller]
    fn fails(&self, endpoint: &str, notes: usize, expect: &str) {
        let (code, said) = self.fetch(endpoint, "data");
        let lines: Vec<_> = said.lines().collect();
        assert_eq!((code, lines.len()), (Some(1), notes + 1), "{said}");
        assert!(lines[notes].starts_with("error: ") && lines[notes].contains(expect), "{said}");
        assert!(lines[..notes].iter().all(|l| l.starts_with(" INFO ") || l.starts_with(" WARN ")), "{said}");
        assert!(!self.data("data").exists());
    }

    fn data(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn home(&self) -> PathBuf {
        self.0.path().join("home")
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The data folder holds what the tables hold, and a record of it.
#[track_caller]
fn check_whole(data: &Path) {
    assert_eq!(names(data), [binary::FOLDER]);
    let folder = data.join(binary::FOLDER);
    let mut files: Vec<_> = binary::TRAIN_FILES.into_iter().collect();
    files.extend([binary::TEST_FILE, binary::META_FILE, dataset::record::FILE]);
    files.sort_unstable();
    assert_eq!(names(&folder), files);
    let record = FetchRecord::load(&folder).unwrap();
    record.verify(&folder).unwrap();
    assert_eq!(record.source, Source::Cifar10Unverified);
    let dataset = binary::load(&folder).unwrap();
    let [train, validation, test] = dataset.given().ranges();
    assert_eq!([train.len(), validation.len(), test.len()], [50_000, 0, 10_000]);
    let pictures = dataset.pictures();
    for part in [train, test] {
        assert!(pictures.labels()[part.clone()].iter().copied().eq((0..part.len()).map(table::label)));
        for i in (0..20).chain(part.len() - 20..part.len()) {
            let planes = table::planes(usize::from(table::label(i)));
            assert!(pictures.picture(part.start + i) == planes, "{i} of {part:?}");
        }
    }
}

#[test]
fn from_the_hub_to_a_whole_folder_and_then_nothing_to_do() {
    // As the real hub does it: another server has the large files.
    let there = Server::start(|request, _| match request.path.as_str() {
        "/train?signed" => Reply::whole(&TABLES[0]),
        "/test?signed" => Reply::whole(&TABLES[1]),
        _ => Reply::status("403 Forbidden"),
    });
    let places = ["/train?signed", "/test?signed"].map(|path| there.url(path));
    let hub = Server::start(move |request, _| match asked(request, &TABLES) {
        Some(file) if file == TABLES[0] => elsewhere(file, &places[0]),
        Some(file) => elsewhere(file, &places[1]),
        None => Reply::status("404 Not Found"),
    });
    let (user, endpoint) = (User::new(), hub.url("").to_string());
    let (code, said) = user.fetch(&endpoint, "data");
    assert_eq!(code, Some(0), "{said}");
    check_whole(&user.data("data"));
    assert_eq!(there.seen().len(), 2);

    // Again: nobody is asked for anything.
    let before = hub.seen().len();
    let (code, said) = user.fetch(&endpoint, "data");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("nothing to do"), "{said}");
    assert_eq!((hub.seen().len(), there.seen().len()), (before, 2));

    // Into another folder: the hub is asked what it has, and the cache has it.
    let (code, said) = user.fetch(&endpoint, "data2");
    assert_eq!(code, Some(0), "{said}");
    let [first, second] =
        ["data", "data2"].map(|data| FetchRecord::load(&user.data(data).join(binary::FOLDER)));
    assert_eq!(first.unwrap(), second.unwrap());
    let asked: Vec<_> = hub.seen()[before..].iter().map(|request| request.method.clone()).collect();
    assert_eq!(asked, ["HEAD"]);
    assert_eq!(there.seen().len(), 2);
}

#[test]
fn what_is_no_hub_is_an_error_in_one_line() {
    let page = Server::start(|_, _| Reply::whole(b"<!DOCTYPE html>\n<title>Please log in</title>"));
    User::new().fails(page.url("").as_str(), 0, "the server does not answer as the hub does");
    assert_eq!(page.seen().len(), 1);

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    User::new().fails(&endpoint, 0, "tcp connect error");
}

#[test]
fn what_the_hub_redirects_to_may_have_something_else() {
    let page = Server::start(|_, _| Reply::whole(b"<!DOCTYPE html>"));
    let place = page.url("/login");
    let hub = Server::start(move |_, _| elsewhere(&TABLES[0], &place));
    // A note that it is tried again.
    User::new().fails(hub.url("").as_str(), 1, "the hub sent an HTML page as");
    assert_eq!(page.seen().len(), 2);
}

#[test]
fn a_table_that_breaks_the_reader_is_an_error_in_one_line() {
    // The first page, behind the file's mark, is the dictionary (2, as thrift writes it); now it is an index (1).
    let mut damaged = TABLES[0].clone();
    assert_eq!(damaged[4..6], [0x15, 4]);
    damaged[5] = 2;
    let files = [damaged, TABLES[1].clone()];
    let hub = Server::start(move |request, _| match asked(request, &files) {
        Some(file) => here(file),
        None => Reply::status("404 Not Found"),
    });
    // Notes of where the files are, and that they are decoded.
    User::new().fails(hub.url("").as_str(), 2, &format!("{TRAIN}: not a readable parquet file"));
}

#[test]
fn the_hubs_environment_is_honoured() {
    let server = Server::start(|_, _| Reply::status("404 Not Found").with("X-Repo-Commit: c0ffee"));
    let user = User::new();
    user.fails(
        server.url("").as_str(),
        0,
        &format!("fetching {TRAIN} of uoft-cs/cifar10 from http://127.0.0.1:"),
    );
    let seen: Vec<_> = server.seen().into_iter().map(|request| (request.method, request.path)).collect();
    assert_eq!(seen, [("HEAD".into(), format!("/datasets/uoft-cs/cifar10/resolve/main/{TRAIN}"))]);
    // hf-hub notes in its cache that the file is not there.
    assert!(user.home().join("hub").join("datasets--uoft-cs--cifar10").is_dir());
}
