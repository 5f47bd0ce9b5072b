//! Downloads from a server of the hub's shape on this machine, good and bad.

use std::time::{Duration, Instant};

use super::super::test_hub::{COMMIT, elsewhere, here};
use super::super::test_server::{Reply, Request, Server};
use super::super::tests::listing;
use super::*;

/// How long a server is waited for, each time.
const WAIT: Duration = Duration::from_millis(500);

/// Downloads from a hub that answers so, into a cache.
fn fetch(server: &Server, cache: &Path) -> Result<PathBuf, String> {
    let patience = Patience { attempts: 3, pause: Duration::from_millis(1), connect: WAIT, read: WAIT };
    let client = client(&patience).unwrap().endpoint(server.url("").as_str()).cache_dir(cache);
    download(client, &patience).map_err(|error| format!("{error:#}"))
}

/// What a hub has at a path.
fn content(request: &Request) -> Vec<u8> {
    format!("PAR1 {}", request.path.rsplit('/').next().unwrap()).into_bytes()
}

/// A hub of which all files are there.
fn good() -> Server {
    Server::start(|request, _| {
        assert!(request.path.starts_with("/datasets/uoft-cs/cifar10/resolve/"), "{}", request.path);
        here(&content(request))
    })
}

fn gets(server: &Server) -> usize {
    server.seen().iter().filter(|request| request.method == "GET").count()
}

/// Both files are in the folder.
#[track_caller]
fn check_whole(folder: &Path) {
    for name in ["train-00000-of-00001.parquet", "test-00000-of-00001.parquet"] {
        let path = folder.join("plain_text").join(name);
        assert_eq!(fs::read_to_string(path).unwrap(), format!("PAR1 {name}"));
    }
}

/// The download fails after `requests`, says `expect` on one line, and leaves nothing that could be taken for a
/// file of the hub.
#[track_caller]
fn fails(reply: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static, requests: usize, expect: &str) {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(reply);
    let said = fetch(&server, cache.path()).unwrap_err();
    let place = server.url("").as_str().trim_end_matches('/').to_owned();
    let start = format!("fetching plain_text/train-00000-of-00001.parquet of uoft-cs/cifar10 from {place} (");
    assert!(said.starts_with(&start), "{said}");
    assert!(said.contains(expect) && !said.contains('\n'), "{said}");
    assert_eq!(server.seen().len(), requests, "{said}");
    let kept = listing(cache.path());
    assert!(kept.keys().all(|path| path.extension().is_none_or(|e| e != "parquet")), "{kept:?}");
}

#[test]
fn the_hubs_files_come_into_the_cache_once() {
    let cache = tempfile::tempdir().unwrap();
    let server = good();
    let folder = fetch(&server, cache.path()).unwrap();
    assert!(folder.starts_with(cache.path()) && folder.ends_with(format!("snapshots/{COMMIT}")));
    check_whole(&folder);
    assert_eq!(gets(&server), 2);
    // The second file is asked for at the first one's commit.
    assert!(server.seen().iter().any(|r| r.path.contains(COMMIT) && r.path.contains("/test-")));
    assert_eq!(fetch(&server, cache.path()), Ok(folder.clone()));
    assert_eq!(gets(&server), 2);

    // The hub is in trouble, or silent: the cache will do.
    for trouble in [|| Reply::status("503 Service Unavailable"), Reply::silence] {
        assert_eq!(fetch(&Server::start(move |_, _| trouble()), cache.path()), Ok(folder.clone()));
    }

    // What is damaged in the cache is fetched again.
    fs::write(folder.join("plain_text/test-00000-of-00001.parquet"), "PAR1 damaged").unwrap();
    assert_eq!(fetch(&server, cache.path()), Ok(folder));
    assert_eq!(gets(&server), 3);
}

#[test]
fn another_server_that_the_hub_names_has_the_files() {
    let cache = tempfile::tempdir().unwrap();
    // It breaks off, stalls, is in trouble, and then is well.
    let there = Server::start(|request, n| match n {
        0 => Reply::whole(&content(request)).breaking_after(7),
        1 => Reply::whole(&content(request)).stalling_after(7),
        2 => Reply::status("500 Internal Server Error"),
        _ => Reply::whole(&content(request)),
    });
    let root = there.url("/").to_string();
    let hub = Server::start(move |request, _| {
        elsewhere(&content(request), format!("{root}{}", request.path.rsplit('/').next().unwrap()))
    });
    check_whole(&fetch(&hub, cache.path()).unwrap());
    let paths: Vec<_> = there.seen().into_iter().map(|request| (request.method, request.path)).collect();
    let get = |name: &str| ("GET".to_owned(), format!("/{name}-00000-of-00001.parquet"));
    assert_eq!(paths, [get("train"), get("train"), get("train"), get("train"), get("test")]);
}

#[test]
fn a_hub_in_trouble_is_asked_a_few_times() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(|request, n| match n {
        0 => Reply::status("500 Internal Server Error"),
        1 => Reply::status("429 Too Many Requests"),
        _ => here(&content(request)),
    });
    check_whole(&fetch(&server, cache.path()).unwrap());
    fails(|_, _| Reply::status("500 Internal Server Error"), 3, "HTTP error: 500 Internal Server Error");
    // HEAD and GET, each time.
    fails(|request, _| here(&content(request)).breaking_after(3), 6, "error decoding response body");
    fails(|request, _| here(&content(request)).stalling_after(3), 6, "operation timed out");
}

#[test]
fn a_silent_hub_is_given_up() {
    let start = Instant::now();
    fails(|_, _| Reply::silence(), 1, "the server does not answer: given up after 1s");
    // One HEAD; hf-hub then asks three times for the file.
    let silent = |request: &Request, _| match request.method.as_str() {
        "HEAD" => here(&content(request)),
        _ => Reply::silence(),
    };
    fails(silent, 4, "operation timed out");
    assert!(start.elapsed() < 20 * WAIT, "{:?}", start.elapsed());
}

#[test]
fn what_is_no_hub_is_refused_at_once() {
    fails(|_, _| Reply::status("404 Not Found"), 1, "Entry not found");
    fails(|_, _| Reply::status("401 Unauthorized"), 1, "Authentication required");
    let foreign = "the server does not answer as the hub does: ";
    fails(|_, _| Reply::whole(b"<!DOCTYPE html><title>Please log in</title>"), 1, foreign);
    fails(|_, _| Reply::redirect("http://127.0.0.1:9/login"), 1, foreign);
    // The first request and ten redirects.
    fails(|request, _| Reply::redirect(&request.path), 11, "too many relative redirects");
    let turning = Server::start(|_, _| Reply::redirect("/blob"));
    let place = turning.url("/blob");
    fails(move |_, _| elsewhere(b"PAR1", &place), 2, "error following redirect: too many redirects");
    assert_eq!(turning.seen().len(), 10);
}

#[test]
fn what_is_not_the_hubs_file_is_an_error_and_not_kept() {
    // Each is asked for twice, by HEAD and GET.
    let check = |body: &'static [u8], announced: &'static [u8], expect: &str| {
        fails(move |_, _| Reply { body: body.to_vec(), ..here(announced) }, 4, expect);
        let there = Server::start(move |_, _| Reply::whole(body));
        let place = there.url("/blob");
        fails(move |_, _| elsewhere(announced, &place), 4, expect);
        assert_eq!(there.seen().len(), 2);
    };
    check(b"<!DOCTYPE html>", b"fifteen letters", "the hub sent an HTML page as");
    check(b"PAR1 too", b"PAR1 one", "is damaged: its sha256 is");
    // The second time there is nothing at all.
    let page_at_first = |_: &Request, n| match n {
        0 | 1 => Reply { body: b"<!DOCTYPE html>".to_vec(), ..here(b"fifteen letters") },
        _ => Reply::status("500 Internal Server Error"),
    };
    fails(page_at_first, 5, "HTTP error: 500");
    let there = Server::start(|_, _| Reply::status("403 Forbidden"));
    let place = there.url("/blob");
    fails(move |_, _| elsewhere(b"PAR1", &place), 4, "the hub sent an empty file as");
}
