//! Fetching the archive from a server that has something else.

use std::fs;

use crate::fetch_cifar;
use crate::test_server::{Reply, Server};

#[test]
fn another_file_is_refused_in_one_line() {
    let check = |reply: fn() -> Reply, expect: &str| {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(move |_, _| reply());
        let mirror = server.url("/").to_string();
        let (code, said) = fetch_cifar(folder.path(), &["--mirror", &mirror], &[]);
        let place = format!("error: fetching {mirror}cifar-10-binary.tar.gz: ");
        assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
        assert!(said.starts_with(&(place + expect)), "{said}");
        assert!(said.contains("use --from PATH, otherwise --mirror URL or --source hub"), "{said}");
        assert_eq!(server.seen().len(), 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    };
    check(
        || Reply::whole(&[0x1f, 0x8b, 8, 0]),
        "the server has a file of 4 bytes, expected the gzip archive of 170052171 bytes",
    );
    check(|| Reply::whole(b"<html>"), "the server sends an HTML page of 6 bytes, expected the gzip archive");
    check(|| Reply::status("404 Not Found"), "the server answers 404 Not Found");
}

#[test]
fn a_data_folder_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("data").join("cifar-10-batches-bin");
    fs::create_dir_all(&old).unwrap();
    fs::write(old.join("mine"), "precious").unwrap();
    let server = Server::start(|_, _| Reply::whole(&[0x1f, 0x8b, 8, 0]));
    let (code, said) = fetch_cifar(folder.path(), &["--mirror", server.url("/").as_str()], &[]);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(fs::read_dir(folder.path().join("data")).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(old.join("mine")).unwrap(), "precious");
}
