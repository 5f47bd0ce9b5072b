//! What the Hugging Face hub answers when it is asked for a file, for tests; knows nothing of what files hold.

use super::test_server::Reply;
use crate::hash::hashes;

pub(super) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A file that the hub has itself.
pub(super) fn here(body: &[u8]) -> Reply {
    let sha256 = hashes(body).unwrap().1;
    Reply::whole(body).with(format!("ETag: \"{sha256}\"")).with(format!("X-Repo-Commit: {COMMIT}"))
}

/// A file that lies on another server, as the hub's large files do: what it is, and where.
pub(super) fn elsewhere(body: &[u8], place: impl AsRef<str>) -> Reply {
    let sha256 = hashes(body).unwrap().1;
    Reply::redirect(place)
        .with("ETag: \"that of the redirect\"")
        .with(format!("X-Linked-Etag: \"{sha256}\""))
        .with(format!("X-Linked-Size: {}", body.len()))
        .with(format!("X-Repo-Commit: {COMMIT}"))
}
