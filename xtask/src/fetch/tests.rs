//! `fetch-cifar` as a whole, on archives of CIFAR-10's form, from a server on this machine.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use dataset::binary;
use tar::EntryType;

use super::archive::OFFICIAL;
use super::archive::tests::{Item, tar_gz};
use super::test_server::{Reply, Request, Server};
use super::*;
use crate::hash::hashes;

/// All files below a folder by their paths, with their hashes.
pub(super) fn listing(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(root).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.insert(path.clone(), String::new());
            files.append(&mut listing(&path));
        } else {
            let hash = hashes(fs::File::open(&path).unwrap()).unwrap().0;
            files.insert(path, hash);
        }
    }
    files
}

fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// An archive and a task that takes it for the official one.
struct Fixture {
    bytes: Vec<u8>,
    md5: String,
    sha256: String,
}

impl Fixture {
    fn new(bytes: Vec<u8>) -> Self {
        let (md5, sha256) = hashes(&bytes[..]).unwrap();
        Self { bytes, md5, sha256 }
    }

    /// One with members of the official sizes, all pixels and labels 0 but for the first label of a file.
    fn of_cifar_form() -> &'static Self {
        static MADE_ONCE: LazyLock<Fixture> = LazyLock::new(Fixture::make_cifar_form);
        &MADE_ONCE
    }

    fn make_cifar_form() -> Self {
        let files = binary::TRAIN_FILES.into_iter().chain([binary::TEST_FILE]);
        let meta = format!("{}\n\n", binary::CLASSES.join("\n"));
        let mut members = vec![(binary::META_FILE, meta.into_bytes()), ("readme.html", b"<meta>".to_vec())];
        for (i, name) in files.enumerate() {
            let mut content = vec![0; binary::FILE_BYTES as usize];
            content[0] = i as u8;
            members.push((name, content));
        }
        let members: Vec<_> =
            members.iter().map(|(name, content)| (format!("{}/{name}", binary::FOLDER), content)).collect();
        let items: Vec<_> =
            members.iter().map(|(name, content)| Item(name, EntryType::Regular, content)).collect();
        Self::new(tar_gz(&items))
    }

    fn task(&self) -> Task<'_> {
        let facts =
            ArchiveFacts { bytes: self.bytes.len() as u64, md5: &self.md5, sha256: &self.sha256, ..OFFICIAL };
        let second = Duration::from_secs(2);
        let pause = Duration::from_millis(1);
        Task { facts, patience: Patience { attempts: 3, pause, connect: second, read: second } }
    }

    /// Runs the task and gives what it says when it fails.
    fn run(&self, way: &Way, data: &Path) -> Result<(), String> {
        self.task().run(way, data).map_err(|error| format!("{error:#}"))
    }
}

/// A server with ranges, that breaks its first connection.
fn breaking_server(body: &[u8]) -> Server {
    let body = body.to_vec();
    Server::start(move |request, n| match (n, request.from) {
        (0, _) => Reply::whole(&body).breaking_after(body.len() / 2),
        (_, Some(from)) => Reply::range(&body, from),
        (_, None) => Reply::whole(&body),
    })
}

#[test]
fn from_nothing_to_whole_then_nothing_to_do_then_damaged_then_whole() {
    let fixture = Fixture::of_cifar_form();
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("README.md"), "what lies here").unwrap();
    let server = breaking_server(&fixture.bytes);
    let way = Way::Archive(server.url("/cifar-10-binary.tar.gz"));

    fixture.run(&way, &data).unwrap();
    assert_eq!(names(&data), ["README.md", "cifar-10-batches-bin"]);
    let folder = data.join(binary::FOLDER);
    assert_eq!(binary::load(&folder).unwrap().source(), Source::Cifar10);
    let asked: Vec<_> = server.seen().iter().map(|request| request.from).collect();
    assert_eq!(asked, [None, Some(fixture.bytes.len() as u64 / 2)]);

    // Again: all is there, nothing is asked for, nothing is written.
    let before = listing(&data);
    fixture.run(&way, &data).unwrap();
    assert_eq!((server.seen().len(), listing(&data) == before), (2, true));

    // Damaged, and the server is gone: it stays as it is.
    fs::write(folder.join(binary::TEST_FILE), "short").unwrap();
    let damaged = listing(&data);
    let gone = Way::Archive(Server::start(|_, _| Reply::status("404 Not Found")).url("/x.tar.gz"));
    let said = fixture.run(&gone, &data).unwrap_err();
    assert!(said.contains("fetching http") && said.contains("--from PATH"), "{said}");
    assert!(listing(&data) == damaged);

    // Damaged in one byte, found by its hash; the archive is at hand.
    let archive = root.path().join("archive.tar.gz");
    fs::write(&archive, &fixture.bytes).unwrap();
    fs::write(folder.join(binary::TEST_FILE), vec![0; binary::FILE_BYTES as usize]).unwrap();
    fixture.run(&Way::Import(archive), &data).unwrap();
    assert!(listing(&data) == before);
}

#[test]
fn unpacked_folders_are_imported_as_unverified() {
    let fixture = Fixture::of_cifar_form();
    let root = tempfile::tempdir().unwrap();
    let unpacked = root.path().join("elsewhere").join(binary::FOLDER);
    fs::create_dir_all(&unpacked).unwrap();
    let archive = root.path().join("archive.tar.gz");
    fs::write(&archive, &fixture.bytes).unwrap();
    archive::unpack(&archive, &fixture.task().facts, &unpacked).unwrap();

    // By the folder itself or the one around it.
    for (i, path) in [unpacked.clone(), root.path().join("elsewhere")].into_iter().enumerate() {
        let data = root.path().join(format!("data{i}"));
        fixture.run(&Way::Import(path.clone()), &data).unwrap();
        let folder = data.join(binary::FOLDER);
        assert_eq!(names(&data), [binary::FOLDER]);
        assert_eq!(FetchRecord::load(&folder).unwrap().source, Source::Cifar10Unverified);
        // Its own record says that it is whole.
        fixture.run(&Way::Import(path), &data).unwrap();
    }

    // A wrong label is refused.
    let batch = unpacked.join(binary::TRAIN_FILES[2]);
    let mut bytes = fs::read(&batch).unwrap();
    bytes[3073] = 10;
    fs::write(&batch, bytes).unwrap();
    let data = root.path().join("data");
    let said = fixture.run(&Way::Import(unpacked.clone()), &data).unwrap_err();
    assert!(said.contains("data_batch_3.bin: byte 3073 is the label 10"), "{said}");
    assert!(!data.exists());

    // A file too short is refused.
    fs::write(&batch, "short").unwrap();
    let said = fixture.run(&Way::Import(unpacked), &data).unwrap_err();
    assert!(said.contains("data_batch_3.bin has 5 bytes, expected one of"), "{said}");
    assert!(!data.exists());
}

#[test]
fn a_folder_that_the_user_unpacked_in_place_is_taken_as_it_is() {
    let fixture = Fixture::of_cifar_form();
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join(binary::FOLDER);
    fs::create_dir(&folder).unwrap();
    let archive = root.path().join("archive.tar.gz");
    fs::write(&archive, &fixture.bytes).unwrap();
    archive::unpack(&archive, &fixture.task().facts, &folder).unwrap();
    let server = Server::start(|_, _| Reply::status("404 Not Found"));
    fixture.run(&Way::Archive(server.url("/a.tar.gz")), root.path()).unwrap();
    assert_eq!(server.seen(), []);
    assert_eq!(FetchRecord::load(&folder).unwrap().source, Source::Cifar10Unverified);
}

/// Runs fail, say `expect`, and change nothing.
#[track_caller]
fn fails(fixture: &Fixture, way: &Way, expect: &str) {
    let root = tempfile::tempdir().unwrap();
    // A folder of another kind in the place, so that replacing it would be seen.
    fs::create_dir(root.path().join(binary::FOLDER)).unwrap();
    fs::write(root.path().join(binary::FOLDER).join("mine"), "precious").unwrap();
    let before = listing(root.path());
    let said = fixture.run(way, root.path()).unwrap_err();
    assert!(said.contains(expect), "{said}");
    assert!(!said.contains('\n'), "{said}");
    assert_eq!(listing(root.path()), before, "{said}");
}

#[test]
fn bad_archives_leave_the_data_folder_as_it_was() {
    let entry = |name: &str, kind, content: &[u8]| tar_gz(&[Item(name, kind, content)]);
    let file = EntryType::Regular;
    let batch = "cifar-10-batches-bin/test_batch.bin";
    let check = |bytes: Vec<u8>, expect: &str| {
        let root = tempfile::tempdir().unwrap();
        let archive = root.path().join("cifar-10-binary.tar.gz");
        fs::write(&archive, &bytes).unwrap();
        // By the file or by the folder that it is in.
        for path in [archive, root.path().to_owned()] {
            fails(&Fixture::new(bytes.clone()), &Way::Import(path), expect);
        }
    };
    check(entry("../evil", file, b"x"), "member \"../evil\": its name leads out of the folder");
    check(entry(batch, EntryType::Symlink, b"/etc/passwd"), "it is a symbolic link");
    check(entry(batch, EntryType::Link, b"/etc/passwd"), "it is a hard link");
    check(entry(batch, file, &vec![0; 30_730_001]), "it has 30730001 bytes, expected 30730000");
    check(entry(batch, file, b"x"), "it has 1 bytes, expected 30730000");
    check(entry("cifar-10-batches-bin/evil", file, b"x"), "it is not expected in cifar-10-binary.tar.gz");
    check(tar_gz(&[]), "missing in the archive: data_batch_1.bin, data_batch_2.bin");
}

#[test]
fn other_bytes_are_refused_wherever_they_come_from() {
    let fixture = Fixture::new(tar_gz(&[Item("cifar-10-batches-bin/a", EntryType::Regular, &[1; 5000])]));
    let right = &fixture.bytes;
    let mut altered = right.clone();
    altered[20] ^= 1;
    let html = b"<!DOCTYPE html><title>moved</title>".to_vec();
    let long = [&right[..], b"more"].concat();
    for (bytes, of_file, of_server) in [
        (
            altered,
            "it is damaged or altered: its md5 is",
            "does not give the official archive, nothing of it",
        ),
        (html, "it is an HTML page of 35 bytes", "the server sends an HTML page of 35 bytes"),
        (right[..30].to_vec(), "so it is truncated or another archive", "the server has a file of 30 bytes"),
        (long, "so it is another archive", "the server has a file of "),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("archive.tar.gz");
        fs::write(&archive, &bytes).unwrap();
        fails(&fixture, &Way::Import(archive.clone()), of_file);
        fails(&fixture, &Way::Import(archive.clone()), &archive.display().to_string());
        let server = Server::start(move |_, _| Reply::whole(&bytes));
        fails(&fixture, &Way::Archive(server.url("/a.tar.gz")), of_server);
        let to = server.url("/a.tar.gz");
        let before = Server::start(move |_, _| Reply::redirect(&to));
        fails(&fixture, &Way::Archive(before.url("/a.tar.gz")), of_server);
    }
}

#[test]
fn other_bytes_after_a_break_are_refused_and_not_kept() {
    let fixture = Fixture::new(tar_gz(&[Item("cifar-10-batches-bin/a", EntryType::Regular, &[1; 5000])]));
    let half = fixture.bytes.len() / 2;
    let other: Vec<u8> =
        fixture.bytes.iter().enumerate().map(|(i, byte)| byte ^ u8::from(i == half + 1)).collect();
    let serve = move |request: &Request, n| match (n, request.from) {
        (0, None) => Reply::whole(&other).breaking_after(half),
        (_, Some(from)) => Reply::range(&other, from),
        (_, None) => Reply::whole(&other),
    };
    let expect = "it is damaged or altered: its md5 is";
    let server = Server::start(serve.clone());
    fails(&fixture, &Way::Archive(server.url("/a.tar.gz")), expect);
    assert_eq!(server.seen().len(), 2);

    // The first half is an earlier run's: it is fetched again whole, once, before all of it is given up.
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join(".cifar-10-binary.tar.gz.partial"), &fixture.bytes[..half]).unwrap();
    let server = Server::start(move |request, n| serve(request, n + 1));
    let said = fixture.run(&Way::Archive(server.url("/a.tar.gz")), root.path()).unwrap_err();
    assert!(said.contains(expect) && said.contains("nothing of it is kept"), "{said}");
    assert_eq!(names(root.path()), [""; 0]);
    let asked: Vec<_> = server.seen().iter().map(|request| request.from).collect();
    assert_eq!(asked, [Some(half as u64), None]);
}

#[test]
fn other_paths_are_refused() {
    let fixture = Fixture::new(tar_gz(&[]));
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| Way::Import(dir.path().join(name));
    let expected = "expected cifar-10-binary.tar.gz, a folder cifar-10-batches-bin with its .bin files, or";
    fails(&fixture, &at("missing"), &format!("missing: {expected}"));
    fails(&fixture, &at(""), &format!("has no part of CIFAR-10 in it, {expected}"));
    fs::write(dir.path().join("page.html"), "<html>").unwrap();
    fails(
        &fixture,
        &at("page.html"),
        "page.html: it is an HTML page of 6 bytes, expected cifar-10-binary.tar.gz",
    );
    fs::write(dir.path().join("train.parquet"), "PAR1").unwrap();
    fails(&fixture, &at("train.parquet"), "is one parquet file, expected the folder that holds");
    fails(&fixture, &at(""), "no train pictures: expected plain_text/train-00000-of-00001.parquet");
    fs::write(dir.path().join("train-00000-of-00001.parquet"), "PAR1 and no more").unwrap();
    fs::write(dir.path().join("test-00000-of-00001.parquet"), "<html>").unwrap();
    fails(&fixture, &at(""), "train-00000-of-00001.parquet");
    let python = tempfile::tempdir().unwrap();
    fs::write(python.path().join("data_batch_1"), "pickled").unwrap();
    fails(&fixture, &Way::Import(python.path().to_owned()), "is the Python version of CIFAR-10, expected");
}

#[test]
fn a_partial_file_that_leads_nowhere_is_started_again() {
    let fixture = Fixture::new(tar_gz(&[]));
    let (half, body) = (fixture.bytes.len() / 2, fixture.bytes.clone());
    let server = Server::start(move |request, _| match request.from {
        Some(from) => Reply::range(&body, from),
        None => Reply::whole(&body),
    });
    let root = tempfile::tempdir().unwrap();
    let partial = root.path().join(".cifar-10-binary.tar.gz.partial");
    fs::write(&partial, vec![1; half]).unwrap();
    fixture.task().archive(&server.url("/a.tar.gz"), &partial).unwrap();
    assert!(fs::read(&partial).unwrap() == fixture.bytes);
    let asked: Vec<_> = server.seen().iter().map(|request| request.from).collect();
    assert_eq!(asked, [Some(half as u64), None]);
}

#[test]
fn a_mirror_is_the_archive_or_its_folder() {
    let check = |mirror: &str, expected: &str| {
        assert_eq!(archive_url(parse_url(mirror).unwrap(), OFFICIAL.name).as_str(), expected);
    };
    check(HOME, "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz");
    check("http://localhost:8000", "http://localhost:8000/cifar-10-binary.tar.gz");
    check("http://localhost/a", "http://localhost/a/cifar-10-binary.tar.gz");
    check("https://host/mine.tar.gz", "https://host/mine.tar.gz");
    check("https://host/get?file=1", "https://host/get?file=1");
    assert!(parse_url("ftp://host/").unwrap_err().to_string().contains("neither an http nor an https URL"));
    assert!(parse_url("host").unwrap_err().to_string().contains("is no URL"));
}
