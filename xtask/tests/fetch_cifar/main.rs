//! `fetch-cifar` as a user runs it: exit codes, messages and the environment.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

#[path = "../../src/hash.rs"]
#[allow(dead_code, reason = "the program itself uses the rest of it")]
mod hash;
#[path = "../../../crates/dataset/tests/corpus/table.rs"]
mod parquet_table;
#[path = "../../src/fetch/test_hub.rs"]
mod test_hub;
#[path = "../../src/fetch/test_server.rs"]
#[allow(dead_code, reason = "the program's own tests use the rest of it")]
mod test_server;

mod hub;
mod mirror;
mod table;

use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs the program in `folder`; gives its exit code and what it says on stderr.
fn fetch_cifar(folder: &Path, options: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("fetch-cifar")
        .args(options)
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .env_remove("HF_TOKEN")
        .env_remove("HF_HUB_CACHE")
        .env("NO_PROXY", "127.0.0.1")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn wrong_usage_ends_with_2() {
    let check = |options: &[&str], expect: &str| {
        let folder = tempfile::tempdir().unwrap();
        let (code, said) = fetch_cifar(folder.path(), options, &[]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.starts_with("error: ") && said.contains(expect), "{said}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    };
    check(&["--source", "nowhere"], "possible values: toronto, hub");
    check(&["--from", "x", "--source", "hub"], "cannot be used with");
    check(&["--from", "x", "--mirror", "http://127.0.0.1/"], "cannot be used with");
    check(&["--mirror", "ftp://127.0.0.1/"], "neither an http nor an https URL");
    check(&["--source", "hub", "--mirror", "http://127.0.0.1/"], "HF_ENDPOINT names another server");
}

#[test]
fn a_failure_is_one_line_and_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("archive.tar.gz"), "<html>").unwrap();
    let (code, said) = fetch_cifar(folder.path(), &["--from", "archive.tar.gz"], &[]);
    let expected = "error: archive.tar.gz: it is an HTML page of 6 bytes, \
                    expected cifar-10-binary.tar.gz of 170052171 bytes\n";
    assert_eq!((code, said.as_str()), (Some(1), expected));
    assert!(!folder.path().join("data").exists());
}
