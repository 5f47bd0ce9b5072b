//! Which files of a folder are pictures of which class. Opens none of them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Extensions of pictures that are read.
const READ: [&str; 3] = ["png", "jpg", "jpeg"];
/// Extensions of pictures that are not.
const UNREAD: [&str; 31] = [
    "apng", "arw", "avif", "bmp", "cr2", "cr3", "dds", "dib", "dng", "gif", "heic", "heif", "ico", "j2k",
    "jfif", "jp2", "jpe", "jxl", "nef", "orf", "pbm", "pgm", "pnm", "ppm", "psd", "qoi", "svg", "tga", "tif",
    "tiff", "webp",
];
/// Names of the parts' folders in any case: for training, validation and tests.
const PARTS: [&[&str]; 3] = [&["train", "training"], &["val", "valid", "validation"], &["test", "testing"]];
/// What a folder should look like.
const EXPECTED: &str = "expected a folder of pictures for each class, as in cat/1.png and dog/2.png, or such \
                        folders in train and, where they are there, val and test";
/// Labels are bytes.
const MOST_CLASSES: usize = 256;

/// The classes of a folder and their pictures.
pub(super) struct Layout {
    pub(super) classes: Vec<String>,
    /// The pictures for training, validation and tests, of each class.
    pub(super) parts: [Vec<Vec<PathBuf>>; 3],
}

/// Finds the classes and pictures of a folder.
pub(super) fn find(dir: &Path) -> Result<Layout> {
    if !fs::metadata(dir).map_err(Error::io("read", dir))?.is_dir() {
        return Err(Error::content(dir, format!("not a folder, {EXPECTED}")));
    }
    let [train, validation, test] = parts(dir)?;
    let mut way = Way::default();
    let train = match train {
        Some(train) => {
            way.enter(dir)?;
            train
        }
        None => dir.to_path_buf(),
    };
    let first = classes(&train, &mut way)?;
    check_count(&train, &first)?;
    let mut parts = [first, Vec::new(), Vec::new()];
    for (part, folder) in [(1, validation), (2, test)] {
        if let Some(folder) = folder {
            parts[part] = classes(&folder, &mut way)?;
            check_same(&train, &parts[0], &folder, &parts[part])?;
        }
    }
    let classes = parts[0].iter().map(|class| class.name.clone()).collect();
    Ok(Layout { classes, parts: parts.map(|part| part.into_iter().map(|class| class.files).collect()) })
}

/// The folders of the parts; none has one where the classes are in `dir` itself.
fn parts(dir: &Path) -> Result<[Option<PathBuf>; 3]> {
    let mut parts: [Option<PathBuf>; 3] = Default::default();
    let mut others = Vec::new();
    for entry in list(dir)? {
        if entry.kind != Kind::Folder {
            return Err(outside(&entry.path));
        }
        let is = |part: &&[&str]| part.iter().any(|name| entry.name.eq_ignore_ascii_case(name));
        match PARTS.iter().position(is) {
            None => others.push(entry),
            Some(part) => {
                if let Some(first) = parts[part].replace(entry.path) {
                    let reason =
                        format!("the folder {} is the same part, expected one of them", entry.name.display());
                    return Err(Error::content(&first, reason));
                }
            }
        }
    }
    match (&parts, others.first()) {
        ([None, None, None], _) | ([Some(_), ..], None) => Ok(parts),
        ([Some(train), ..], Some(other)) => {
            let reason = format!(
                "a folder beside {}, which is taken for the training pictures: take it away, or rename train if that is a class",
                train.display()
            );
            Err(Error::content(&other.path, reason))
        }
        ([None, ..], _) => {
            let part = parts.iter().flatten().next().map_or(dir, PathBuf::as_path);
            let reason = format!("there is no folder train beside it, {EXPECTED}");
            Err(Error::content(part, reason))
        }
    }
}

/// A class in one part.
struct Class {
    name: String,
    files: Vec<PathBuf>,
}

/// The classes in the folder of a part.
fn classes(part: &Path, way: &mut Way) -> Result<Vec<Class>> {
    way.enter(part)?;
    let mut classes = Vec::new();
    for Entry { path, name, kind } in list(part)? {
        if kind != Kind::Folder {
            return Err(outside(&path));
        }
        let Ok(name) = name.into_string() else {
            return Err(Error::content(&path, "the name of a class must be valid UTF-8: rename the folder"));
        };
        let mut files = Vec::new();
        walk(&path, way, &mut files)?;
        if files.is_empty() {
            return Err(Error::content(
                &path,
                "a class without pictures, expected files .png, .jpg or .jpeg in it",
            ));
        }
        classes.push(Class { name, files });
    }
    way.leave();
    Ok(classes)
}

fn outside(picture: &Path) -> Error {
    Error::content(picture, format!("a picture outside of any class, {EXPECTED}"))
}

fn check_count(part: &Path, classes: &[Class]) -> Result<()> {
    let reason = match classes {
        [] => format!("no classes in it, {EXPECTED}"),
        [one] => format!("the only class in it is {}, {EXPECTED}", one.name),
        _ if classes.len() > MOST_CLASSES => {
            format!("{} classes in it, expected at most {MOST_CLASSES}", classes.len())
        }
        _ => return Ok(()),
    };
    Err(Error::content(part, reason))
}

/// Checks that a part has the classes of the training pictures.
fn check_same(train: &Path, expected: &[Class], part: &Path, found: &[Class]) -> Result<()> {
    for (has, classes, lacks, others) in [(train, expected, part, found), (part, found, train, expected)] {
        if let Some(class) = classes.iter().find(|class| others.iter().all(|other| other.name != class.name))
        {
            let reason = format!(
                "there is no class {}, which is in {}: expected the same classes in both",
                class.name,
                has.display()
            );
            return Err(Error::content(lacks, reason));
        }
    }
    Ok(())
}

/// Appends the pictures in and below a folder, in the order of their paths.
fn walk(folder: &Path, way: &mut Way, files: &mut Vec<PathBuf>) -> Result<()> {
    way.enter(folder)?;
    for entry in list(folder)? {
        match entry.kind {
            Kind::Folder => walk(&entry.path, way, files)?,
            Kind::Picture => files.push(entry.path),
            Kind::Unread => {
                let reason =
                    "pictures of this format are not read: convert it to PNG or JPEG, or take it away";
                return Err(Error::content(&entry.path, reason));
            }
        }
    }
    way.leave();
    Ok(())
}

/// The folders that lead to where we are, without links.
#[derive(Default)]
struct Way(Vec<PathBuf>);

impl Way {
    /// Goes into a folder, unless it is, or has below it, one that we came through: only a link leads there.
    fn enter(&mut self, folder: &Path) -> Result<()> {
        let real = fs::canonicalize(folder).map_err(Error::io("read", folder))?;
        if self.0.iter().any(|came| came.starts_with(&real)) {
            let reason = format!("the link leads in a circle, back to {}: take it away", real.display());
            return Err(Error::content(folder, reason));
        }
        self.0.push(real);
        Ok(())
    }

    fn leave(&mut self) {
        self.0.pop();
    }
}

struct Entry {
    path: PathBuf,
    name: OsString,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Folder,
    Picture,
    /// A picture of a format that is not read.
    Unread,
}

/// What is of interest in a folder, in the order of the names' bytes.
fn list(folder: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let entry = entry.map_err(Error::io("list", folder))?;
        let (path, name) = (entry.path(), entry.file_name());
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let mut kind = entry.file_type().map_err(Error::io("read", &path))?;
        if kind.is_symlink() {
            kind = fs::metadata(&path).map_err(Error::io("follow the link", &path))?.file_type();
        }
        let kind = if kind.is_dir() { Some(Kind::Folder) } else { by_extension(&path) };
        entries.extend(kind.map(|kind| Entry { path, name, kind }));
    }
    entries.sort_by(|a, b| a.name.as_encoded_bytes().cmp(b.name.as_encoded_bytes()));
    Ok(entries)
}

/// What a file is; nothing where it is no picture.
fn by_extension(path: &Path) -> Option<Kind> {
    let extension = path.extension().and_then(OsStr::to_str)?;
    let among = |some: &[&str]| some.iter().any(|one| extension.eq_ignore_ascii_case(one));
    if among(&READ) {
        return Some(Kind::Picture);
    }
    among(&UNREAD).then_some(Kind::Unread)
}
