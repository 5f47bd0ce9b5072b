//! CIFAR-10's archive: what it must be, and unpacking it; knows nothing of where it came from.
//!
//! Nothing in an archive decides what is written: members are looked up by name in [`ArchiveFacts`], and only
//! those listed there are unpacked, as regular files of the listed sizes, into a folder the caller made.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use dataset::binary;
use flate2::read::GzDecoder;
use tar::{Archive, Entry};

use super::sniff::{self, Kind};
use crate::hash::hashes;

/// What one archive is known to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArchiveFacts<'a> {
    /// File name.
    pub(super) name: &'a str,
    /// Length in bytes.
    pub(super) bytes: u64,
    /// MD5 in lower-case hexadecimal.
    pub(super) md5: &'a str,
    /// SHA-256 in lower-case hexadecimal.
    pub(super) sha256: &'a str,
    /// The folder that all members are in.
    pub(super) folder: &'a str,
    /// Every member, by its name in the folder.
    pub(super) members: &'a [Member<'a>],
}

/// One file in an archive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    /// Its name in the archive's folder.
    pub(super) name: &'a str,
    /// Its length.
    pub(super) size: Size,
}

/// The length that a member may have, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Size {
    /// This length and no other.
    Exactly(u64),
    /// For texts, of which the exact bytes do not matter.
    AtMost(u64),
}

/// The official archive, as <https://www.cs.toronto.edu/~kriz/cifar.html> gives it.
pub(super) const OFFICIAL: ArchiveFacts = ArchiveFacts {
    name: "cifar-10-binary.tar.gz",
    bytes: 170_052_171,
    md5: "c32a1d4ab5d03f1284b67883e8d87530",
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    folder: binary::FOLDER,
    members: &[
        Member { name: binary::TRAIN_FILES[0], size: Size::Exactly(binary::FILE_BYTES) },
        Member { name: binary::TRAIN_FILES[1], size: Size::Exactly(binary::FILE_BYTES) },
        Member { name: binary::TRAIN_FILES[2], size: Size::Exactly(binary::FILE_BYTES) },
        Member { name: binary::TRAIN_FILES[3], size: Size::Exactly(binary::FILE_BYTES) },
        Member { name: binary::TRAIN_FILES[4], size: Size::Exactly(binary::FILE_BYTES) },
        Member { name: binary::TEST_FILE, size: Size::Exactly(binary::FILE_BYTES) },
        Member { name: binary::META_FILE, size: Size::AtMost(LONGEST_TEXT) },
        Member { name: "readme.html", size: Size::AtMost(LONGEST_TEXT) },
    ],
};

/// The Python version of the archive lies beside the binary one and is easily taken for it.
const PYTHON_VERSION_BYTES: u64 = 170_498_071;
const LONGEST_TEXT: u64 = 1 << 16;
/// tar's unit: headers and data are padded to it.
const BLOCK: u64 = 512;
/// Beyond its members an archive has the folder's header, the end mark and padding to tar's record length
/// (10 KiB); this is enough for all of that.
const OVERHEAD: u64 = 1 << 16;

/// Checks that a file is the archive: length, then MD5 and SHA-256.
///
/// # Errors
/// Says how the file differs, and what it seems to be instead. Which file it is, the caller adds.
pub(super) fn verify(archive: &Path, facts: &ArchiveFacts) -> Result<()> {
    let expected = format!("expected {} of {} bytes", facts.name, facts.bytes);
    let file = File::open(archive).context("opening it")?;
    let data = file.metadata().context("looking at it")?;
    ensure!(data.is_file(), "it is not a regular file, {expected}");
    let mut file = BufReader::with_capacity(1 << 18, file);
    let kind = kind(&mut file).context("reading it")?;
    let length = data.len();
    ensure!(kind == Kind::Gzip, "it is {kind} of {length} bytes, {expected}");
    if length != facts.bytes {
        let what = match length {
            PYTHON_VERSION_BYTES => "which is the Python version of the archive",
            _ if length < facts.bytes => "so it is truncated or another archive",
            _ => "so it is another archive",
        };
        bail!("it has {length} bytes, {what}, {expected}");
    }
    let (md5, sha256) = hashes(file).context("reading it")?;
    for (name, found, expected) in [("md5", md5, facts.md5), ("sha256", sha256, facts.sha256)] {
        ensure!(found == expected, "it is damaged or altered: its {name} is {found}, expected {expected}");
    }
    Ok(())
}

/// Unpacks the members of a verified archive into the existing folder `into`.
///
/// # Errors
/// If a member is missing, not listed, listed but of the wrong length or kind, or twice there, or if the
/// archive is damaged. The folder may then hold some members.
pub(super) fn unpack(archive: &Path, facts: &ArchiveFacts, into: &Path) -> Result<()> {
    let file = File::open(archive).context("opening it")?;
    unpack_stream(GzDecoder::new(BufReader::with_capacity(1 << 18, file)), facts, into)
}

fn unpack_stream(unpacked: impl Read, facts: &ArchiveFacts, into: &Path) -> Result<()> {
    let mut archive = Archive::new(Capped { inner: unpacked, left: most_bytes(facts) });
    let mut missing: Vec<&Member> = facts.members.iter().collect();
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let shown = shown(&entry.path_bytes());
        let Some(name) = listed_name(&entry, facts).with_context(|| format!("member {shown}"))? else {
            continue;
        };
        let Some(place) = missing.iter().position(|member| member.name == name) else {
            bail!("member {shown} is there twice");
        };
        let member = missing.swap_remove(place);
        write_member(&mut entry, member, &into.join(member.name))
            .with_context(|| format!("member {shown}"))?;
    }
    // To the end of the stream, so that gzip's own checksum is compared.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(damaged)?;
    let names: Vec<_> = missing.iter().map(|member| member.name).collect();
    ensure!(names.is_empty(), "missing in the archive: {}", names.join(", "));
    Ok(())
}

/// The name in the folder of an entry that is to be unpacked; `None` for the entry of the folder itself.
fn listed_name<'a>(entry: &Entry<impl Read>, facts: &ArchiveFacts<'a>) -> Result<Option<&'a str>> {
    let path = entry.path_bytes();
    let path = path.strip_prefix(b"./").unwrap_or(&path);
    let escapes = path.starts_with(b"/")
        || path.contains(&b'\\')
        || path.contains(&b':')
        || path.split(|&byte| byte == b'/').any(|part| part == b"..");
    ensure!(!escapes, "its name leads out of the folder {}", facts.folder);
    let kind = entry.header().entry_type();
    ensure!(!kind.is_symlink(), "it is a symbolic link, expected a regular file");
    ensure!(!kind.is_hard_link(), "it is a hard link, expected a regular file");
    let unexpected = || anyhow!("it is not expected in {}", facts.name);
    let inside = path.strip_prefix(facts.folder.as_bytes()).ok_or_else(unexpected)?;
    if kind.is_dir() && (inside.is_empty() || inside == b"/") {
        return Ok(None);
    }
    let name = inside.strip_prefix(b"/").ok_or_else(unexpected)?;
    let member = facts.members.iter().find(|m| m.name.as_bytes() == name).ok_or_else(unexpected)?;
    ensure!(kind.is_file(), "it is not a regular file");
    Ok(Some(member.name))
}

fn write_member(entry: &mut Entry<impl Read>, member: &Member, path: &Path) -> Result<()> {
    let size = entry.size();
    match member.size {
        Size::Exactly(bytes) => ensure!(size == bytes, "it has {size} bytes, expected {bytes}"),
        Size::AtMost(bytes) => ensure!(size <= bytes, "it has {size} bytes, expected at most {bytes}"),
    }
    let mut file = File::create_new(path).with_context(|| format!("creating {}", path.display()))?;
    let mut buffer = vec![0; 1 << 18];
    let mut written = 0;
    loop {
        // Read and write apart: a damaged archive and a full disk are different messages.
        let read = match entry.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(damaged(error)),
        };
        io::Write::write_all(&mut file, &buffer[..read])
            .with_context(|| format!("writing {}", path.display()))?;
        written += read as u64;
    }
    ensure!(written == size, "the archive is damaged: it ends after {written} of {size} bytes");
    file.sync_all().with_context(|| format!("writing {}", path.display()))
}

/// The most bytes that a right archive can unpack to.
fn most_bytes(facts: &ArchiveFacts) -> u64 {
    let members = facts.members.iter().map(|member| match member.size {
        Size::Exactly(bytes) | Size::AtMost(bytes) => BLOCK + bytes.next_multiple_of(BLOCK),
    });
    members.sum::<u64>() + OVERHEAD
}

fn damaged(error: io::Error) -> Error {
    Error::new(error).context("the archive is damaged")
}

/// A member's name, fit for one line.
fn shown(name: &[u8]) -> String {
    const LONGEST: usize = 80;
    let name = String::from_utf8_lossy(name);
    let short: String = name.chars().take(LONGEST).collect();
    let dots = if short.len() < name.len() { "..." } else { "" };
    format!("\"{}{dots}\"", short.escape_debug())
}

fn kind(file: &mut BufReader<File>) -> io::Result<Kind> {
    use io::BufRead;
    let start = file.fill_buf()?;
    Ok(Kind::of(&start[..start.len().min(sniff::ENOUGH)]))
}

/// A reader that fails once more than `left` bytes come through.
struct Capped<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => {
                self.left = left;
                Ok(read)
            }
            None => Err(io::Error::other("it unpacks to more bytes than its members can have")),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
