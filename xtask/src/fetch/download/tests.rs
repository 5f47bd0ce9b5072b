//! Downloads from a server on this machine, good and bad.

use super::super::test_server::{Reply, Server};
use super::*;

/// Bytes that begin as gzip does.
fn content(len: usize) -> Vec<u8> {
    [0x1f, 0x8b].into_iter().chain((2..len).map(|i| (i % 253) as u8)).collect()
}

const LEN: usize = 200_000;

fn hurried() -> Patience {
    let wait = Duration::from_millis(500);
    Patience { attempts: 3, pause: Duration::from_millis(1), connect: wait, read: wait }
}

/// Downloads with `before` in the partial file; gives the result and what is in it after.
fn fetch(server: &Server, before: &[u8]) -> (Result<(), String>, Option<Vec<u8>>) {
    let dir = tempfile::tempdir().unwrap();
    let partial = dir.path().join(".a.partial");
    if !before.is_empty() {
        fs::write(&partial, before).unwrap();
    }
    let result = download(&server.url("/a.tar.gz"), LEN as u64, &partial, &hurried());
    assert!(fs::read_dir(dir.path()).unwrap().count() <= 1);
    (result.map_err(|error| format!("{error:#}")), fs::read(&partial).ok())
}

#[track_caller]
fn arrives(server: &Server, before: &[u8], asked: &[Option<u64>]) {
    let (result, after) = fetch(server, before);
    assert_eq!(result, Ok(()));
    assert!(after.unwrap() == content(LEN));
    assert_eq!(server.seen().iter().map(|request| request.from).collect::<Vec<_>>(), asked);
}

/// Fails, says `expect`, and leaves what was there `before`.
#[track_caller]
fn fails(reply: impl Fn() -> Reply + Send + Sync + 'static, before: &[u8], requests: usize, expect: &str) {
    let server = Server::start(move |_, _| reply());
    let (result, after) = fetch(&server, before);
    let said = result.unwrap_err();
    assert!(said.contains(expect) && said.starts_with("fetching http://127.0.0.1"), "{said}");
    assert_eq!(after.unwrap_or_default(), before);
    assert_eq!(said.contains(".a.partial, the next run goes on"), !before.is_empty(), "{said}");
    assert_eq!(server.seen().len(), requests);
}

#[test]
fn a_file_arrives() {
    arrives(&Server::start(|_, _| Reply::whole(&content(LEN))), b"", &[None]);
    arrives(&Server::start(|_, _| Reply::whole(&content(LEN)).unannounced()), b"", &[None]);
}

#[test]
fn a_whole_partial_file_needs_no_request() {
    arrives(&Server::start(|_, _| Reply::status("404 Not Found")), &content(LEN), &[]);
}

#[test]
fn a_broken_connection_is_resumed() {
    let server = Server::start(|request, n| match (n, request.from) {
        (0, None) => Reply::whole(&content(LEN)).breaking_after(70_000),
        (1, Some(from)) => Reply::range(&content(LEN), from).breaking_after(50_000),
        (_, Some(from)) => Reply::range(&content(LEN), from),
        _ => Reply::status("400 Bad Request"),
    });
    arrives(&server, b"", &[None, Some(70_000), Some(120_000)]);
}

#[test]
fn an_earlier_run_is_resumed() {
    let server = Server::start(|request, _| Reply::range(&content(LEN), request.from.unwrap()));
    arrives(&server, &content(LEN)[..1234], &[Some(1234)]);
}

#[test]
fn a_server_without_ranges_sends_all_again() {
    let server = Server::start(|_, n| match n {
        0 => Reply::whole(&content(LEN)).breaking_after(70_000),
        _ => Reply::whole(&content(LEN)),
    });
    arrives(&server, b"", &[None, Some(70_000)]);
    // It breaks earlier than the time before: what was there stays.
    let server = Server::start(|_, n| match n {
        0 => Reply::whole(&content(LEN)).breaking_after(70_000),
        1 => Reply::whole(&content(LEN)).breaking_after(10_000),
        _ => Reply::whole(&content(LEN)),
    });
    arrives(&server, b"", &[None, Some(70_000), Some(70_000)]);
}

#[test]
fn a_server_with_wrong_ranges_is_asked_for_all() {
    for wrong in [
        || Reply::status("416 Range Not Satisfiable"),
        || Reply::range(&content(LEN), 5),
        || Reply { head: vec!["206 Partial Content".into()], ..Reply::whole(&content(10)) },
    ] {
        let server = Server::start(move |request, _| match request.from {
            Some(_) => wrong(),
            None => Reply::whole(&content(LEN)),
        });
        arrives(&server, &content(LEN)[..1234], &[Some(1234), None]);
    }
}

#[test]
fn a_partial_file_longer_than_the_whole_is_none() {
    arrives(&Server::start(|_, _| Reply::whole(&content(LEN))), &content(LEN + 1), &[None]);
}

#[test]
fn a_server_in_trouble_is_asked_a_few_times() {
    let server = Server::start(|_, n| match n {
        0 => Reply::status("503 Service Unavailable"),
        1 => Reply::status("429 Too Many Requests"),
        _ => Reply::whole(&content(LEN)),
    });
    arrives(&server, b"", &[None, None, None]);
    fails(
        || Reply::status("503 Service Unavailable"),
        b"",
        3,
        "given up after 3 attempts: the server answers 503",
    );
    fails(|| Reply::status("503 Service Unavailable"), &content(99), 3, "99 B of 195.31 KiB are kept in");
    fails(
        || Reply::whole(&content(LEN)).breaking_after(0),
        b"",
        3,
        "given up after 3 attempts: the connection broke",
    );
}

#[test]
fn other_files_are_refused_at_once() {
    fails(|| Reply::status("404 Not Found"), b"", 1, "the server answers 404 Not Found");
    let html = || Reply::whole(b"<!DOCTYPE html><title>Please log in</title>");
    fails(
        html,
        b"",
        1,
        "the server sends an HTML page of 43 bytes, expected the gzip archive of 200000 bytes",
    );
    fails(move || html().unannounced(), b"", 1, "the server sends an HTML page, expected");
    fails(html, &content(99), 1, "the server sends an HTML page of 43 bytes");
    fails(|| Reply::whole(&content(1000)), b"", 1, "the server has a file of 1000 bytes, expected");
    fails(
        || Reply::range(&content(1000), 99),
        &content(99),
        1,
        "the server has a file of 1000 bytes, expected",
    );
}

#[test]
fn more_than_the_expected_bytes_are_stopped_at_once() {
    let flood = || Reply { times: 2000, ..Reply::whole(&content(LEN)).unannounced() };
    fails(flood, b"", 1, "the server sends more than the 200000 bytes of the archive");
    fails(flood, &content(99), 1, "the server sends more than the 200000 bytes");
    let server = Server::start(move |_, _| flood());
    fetch(&server, b"").0.unwrap_err();
    // What the sockets hold, and no more.
    assert!(server.sent() < 2000 * LEN as u64 / 10, "{} bytes were sent", server.sent());
}

#[test]
fn a_stalled_body_is_resumed() {
    let server = Server::start(|request, n| match (n, request.from) {
        (0, None) => Reply::whole(&content(LEN)).stalling_after(70_000),
        (1, Some(from)) => Reply::range(&content(LEN), from).stalling_after(50_000),
        (_, Some(from)) => Reply::range(&content(LEN), from),
        _ => Reply::status("400 Bad Request"),
    });
    arrives(&server, b"", &[None, Some(70_000), Some(120_000)]);
}

#[test]
fn a_server_that_stalls_again_and_again_is_given_up() {
    let server = Server::start(|request, _| match request.from {
        Some(from) => Reply::range(&content(LEN), from).stalling_after(1000),
        None => Reply::whole(&content(LEN)).stalling_after(1000),
    });
    let (result, after) = fetch(&server, b"");
    let said = result.unwrap_err();
    assert!(said.contains("given up after 3 attempts: the connection broke: "), "{said}");
    assert!(said.contains("timed out") && said.contains("2.93 KiB of 195.31 KiB are kept in"), "{said}");
    assert!(after.unwrap() == content(LEN)[..3000]);
    fails(Reply::silence, b"", 3, "timed out");
    fails(Reply::silence, &content(99), 3, "99 B of 195.31 KiB are kept in");
}

#[test]
fn redirects_are_followed_with_their_ranges() {
    let file = || {
        Server::start(|request, _| match (request.path.as_str(), request.from) {
            ("/there/b.tar.gz", Some(from)) => Reply::range(&content(LEN), from),
            ("/there/b.tar.gz", None) => Reply::whole(&content(LEN)),
            _ => Reply::status("404 Not Found"),
        })
    };
    for before in [&[][..], &content(LEN)[..1234]] {
        let from = Some(before.len() as u64).filter(|&from| from > 0);
        // To another port.
        let there = file();
        let to = there.url("/there/b.tar.gz");
        arrives(&Server::start(move |_, _| Reply::redirect(&to)), before, &[from]);
        assert_eq!(there.seen().iter().map(|request| request.from).collect::<Vec<_>>(), [from]);
        // On the same server, from the root and from the place of the file.
        for to in ["/there/b.tar.gz", "there/b.tar.gz"] {
            let server = Server::start(move |request, _| match (request.path.as_str(), request.from) {
                ("/a.tar.gz", _) => Reply::redirect(to),
                ("/there/b.tar.gz", Some(from)) => Reply::range(&content(LEN), from),
                ("/there/b.tar.gz", None) => Reply::whole(&content(LEN)),
                _ => Reply::status("404 Not Found"),
            });
            arrives(&server, before, &[from, from]);
        }
    }
}

#[test]
fn a_break_behind_a_redirect_is_resumed() {
    let there = Server::start(|request, _| match request.from {
        Some(from) => Reply::range(&content(LEN), from),
        None => Reply::whole(&content(LEN)).breaking_after(70_000),
    });
    let to = there.url("/b.tar.gz");
    arrives(&Server::start(move |_, _| Reply::redirect(&to)), b"", &[None, Some(70_000)]);
    assert_eq!(there.seen().iter().map(|request| request.from).collect::<Vec<_>>(), [None, Some(70_000)]);
}

#[test]
fn redirects_that_lead_nowhere_are_refused_at_once() {
    for before in [&[][..], &content(LEN)[..99]] {
        // The first request and ten redirects.
        fails(|| Reply::redirect("/a.tar.gz"), before, 11, "error following redirect: too many redirects");
        fails(|| Reply::redirect("ftp://127.0.0.1/a.tar.gz"), before, 1, "scheme is not allowed");
        fails(|| Reply::status("302 Found"), before, 1, "the server answers 302 Found");

        let check = |reply: fn() -> Reply, expect: &str| {
            let there = Server::start(move |_, _| reply());
            let (to, expect) =
                (there.url("/login?secret"), expect.replace("THERE", there.url("/login").as_str()));
            fails(move || Reply::redirect(&to), before, 1, &format!("the server redirects to {expect}"));
            assert_eq!(there.seen().len(), 1);
        };
        check(|| Reply::status("404 Not Found"), "THERE: the server answers 404 Not Found");
        check(
            || Reply::whole(b"<!DOCTYPE html><title>Please log in</title>"),
            "THERE: the server sends an HTML page of 43 bytes, expected the gzip archive of 200000 bytes",
        );
        check(|| Reply::whole(&content(1000)), "THERE: the server has a file of 1000 bytes, expected");
    }
}

#[test]
fn content_ranges() {
    let check = |text, expected| assert_eq!(content_range(text), expected, "{text}");
    check("bytes 5-9/10", Some((5, Some(10))));
    check("bytes 5-9/*", Some((5, None)));
    check("bytes */10", None);
    check("bytes 5-9/ten", None);
    check("5-9/10", None);
    check("", None);
}
