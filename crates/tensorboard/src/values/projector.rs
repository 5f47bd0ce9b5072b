//! Points of the Projector dashboard, which reads files beside the event files: tensors, labels, pictures and a
//! list of these.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::{Error, Image, InputError};

/// The file that TensorBoard looks for in the folder of a run.
const CONFIG: &str = "projector_config.pbtxt";
/// The longest side of a picture of all pictures that browsers draw.
const MAX_SPRITE_PIXELS: usize = 8192;

/// Points of many dimensions, each perhaps with labels and a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    name: String,
    points: usize,
    dimensions: usize,
    values: Vec<f32>,
    columns: Vec<(String, Vec<String>)>,
    sprite: Option<Sprite>,
}

/// The pictures of all points in rows, in one file.
#[derive(Clone, Debug, PartialEq)]
struct Sprite {
    picture: [usize; 2],
    image: Image,
}

impl Embedding {
    /// Points, one after the other: shape (points, `dimensions`).
    ///
    /// # Errors
    /// If there are no points, if the last one is not whole, and at coordinates that are not finite.
    pub fn new(name: impl Into<String>, dimensions: usize, values: &[f32]) -> Result<Self, InputError> {
        let name = name.into();
        if name.trim().is_empty() {
            let problem = "is empty: give it a name to choose it by";
            return Err(InputError::Name { what: "embedding", name, problem });
        }
        if values.is_empty() || dimensions == 0 {
            return Err(InputError::Empty { what: "points" });
        }
        let points = values.len().div_ceil(dimensions);
        if points * dimensions != values.len() {
            let (found, expected) = (values.len(), points * dimensions);
            let reason = "so many coordinates have whole points";
            return Err(InputError::Count { what: "coordinates", found, expected, reason });
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(InputError::number("coordinate", index, values[index], "a finite number"));
        }
        let values = values.to_owned();
        Ok(Self { name, points, dimensions, values, columns: Vec::new(), sprite: None })
    }

    /// Gives each point one more label, under the name of their column: for searching, colours and the text
    /// beside the point.
    ///
    /// # Errors
    /// If there are not as many labels as points, or a label or name that is empty or of several lines.
    pub fn labels(
        mut self,
        column: impl Into<String>,
        labels: impl IntoIterator<Item = impl ToString>,
    ) -> Result<Self, InputError> {
        let column = column.into();
        let labels: Vec<String> = labels.into_iter().map(|label| label.to_string()).collect();
        if labels.len() != self.points {
            return Err(self.count_error("labels", labels.len()));
        }
        let cannot_be = |text: &&String| text.trim().is_empty() || text.contains(['\t', '\n', '\r']);
        if let Some(name) = std::iter::once(&column).chain(&labels).find(cannot_be) {
            let problem = "is empty or has a tab or a line break, expected some text on one line";
            return Err(InputError::Name { what: "label", name: name.clone(), problem });
        }
        self.columns.push((column, labels));
        Ok(self)
    }

    /// Gives each point a picture, of the same size each: shape (points, height, width, channels), else as
    /// [`Image::hwc`].
    ///
    /// # Errors
    /// If there are not as many pictures as points, if all together are too large for a browser, and as
    /// [`Image::hwc`].
    pub fn pictures(mut self, shape: [usize; 3], pixels: &[u8]) -> Result<Self, InputError> {
        let [height, width, channels] = shape;
        let size = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        let Some(size) = size.filter(|&size| size > 0) else {
            return Err(InputError::Empty { what: "pixels" });
        };
        if pixels.len() != size.saturating_mul(self.points) {
            return Err(self.count_error("pictures", pixels.len() / size));
        }
        let columns = self.points.isqrt() + usize::from(self.points.isqrt().pow(2) < self.points);
        let longest = columns.saturating_mul(height.max(width));
        if longest > MAX_SPRITE_PIXELS {
            let remedy = "make the pictures smaller, or give fewer points";
            let limit = MAX_SPRITE_PIXELS;
            return Err(InputError::TooMany { what: "pixels on a side", found: longest, limit, remedy });
        }
        let row_bytes = width * channels;
        let mut sprite = vec![0; columns * columns * size];
        for (line, bytes) in pixels.chunks_exact(row_bytes).enumerate() {
            let (point, y) = (line / height, line % height);
            let (row, column) = (point / columns, point % columns);
            let start = ((row * height + y) * columns + column) * row_bytes;
            sprite[start..start + row_bytes].copy_from_slice(bytes);
        }
        let image = Image::hwc([columns * height, columns * width, channels], &sprite)?;
        self.sprite = Some(Sprite { picture: [width, height], image });
        Ok(self)
    }

    fn count_error(&self, what: &'static str, found: usize) -> InputError {
        InputError::Count { what, found, expected: self.points, reason: "one a point" }
    }

    /// One point a line, coordinates parted by tabs, each with as many digits as tell it from others.
    fn tensor_tsv(&self) -> String {
        let mut tsv = String::new();
        for point in self.values.chunks_exact(self.dimensions) {
            for (i, value) in point.iter().enumerate() {
                let _ = write!(tsv, "{}{value:?}", if i == 0 { "" } else { "\t" });
            }
            tsv.push('\n');
        }
        tsv
    }

    /// One point a line. Only with several columns there is a line of their names: TensorBoard would take it
    /// for a label.
    fn labels_tsv(&self) -> String {
        let mut tsv = String::new();
        let mut line = |cells: Vec<&str>| {
            tsv.push_str(&cells.join("\t"));
            tsv.push('\n');
        };
        if self.columns.len() > 1 {
            line(self.columns.iter().map(|(name, _)| name.as_str()).collect());
        }
        for point in 0..self.points {
            line(self.columns.iter().map(|(_, labels)| labels[point].as_str()).collect());
        }
        tsv
    }
}

/// Writes the points of a run beside its event files, in place of any that were there. The folder is made if it is
/// not there; each file is written whole or not at all, the list of them last.
///
/// # Errors
/// If two embeddings have the same name, or if a file cannot be written.
pub fn write_projector(dir: impl AsRef<Path>, embeddings: &[Embedding]) -> Result<(), Error> {
    let dir = dir.as_ref();
    for (i, embedding) in embeddings.iter().enumerate() {
        if embeddings[..i].iter().any(|other| other.name == embedding.name) {
            let problem = "is there twice: give each its own name";
            return Err(InputError::Name { what: "embedding", name: embedding.name.clone(), problem }.into());
        }
    }
    fs::create_dir_all(dir).map_err(|cause| Error::Folder { path: dir.to_owned(), cause })?;
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        whole::write(&path, bytes).map_err(|cause| Error::Write { cause }.in_file(&path))
    };
    let mut config = String::new();
    for (i, embedding) in embeddings.iter().enumerate() {
        let stem = format!("projector-{i}");
        write(&format!("{stem}.tensors.tsv"), embedding.tensor_tsv().as_bytes())?;
        let (points, dimensions) = (embedding.points, embedding.dimensions);
        let _ = write!(
            config,
            "embeddings {{\n  tensor_name: {}\n  tensor_path: \"{stem}.tensors.tsv\"\n  tensor_shape: {points}\n  \
             tensor_shape: {dimensions}\n",
            quoted(&embedding.name)
        );
        if !embedding.columns.is_empty() {
            write(&format!("{stem}.labels.tsv"), embedding.labels_tsv().as_bytes())?;
            let _ = writeln!(config, "  metadata_path: \"{stem}.labels.tsv\"");
        }
        if let Some(Sprite { picture: [width, height], image }) = &embedding.sprite {
            write(&format!("{stem}.pictures.png"), image.as_bytes())?;
            let _ = write!(
                config,
                "  sprite {{\n    image_path: \"{stem}.pictures.png\"\n    single_image_dim: {width}\n    \
                 single_image_dim: {height}\n  }}\n"
            );
        }
        config.push_str("}\n");
    }
    write(CONFIG, config.as_bytes())
}

/// A string of protobuf's text format.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => {
                let _ = write!(quoted, "\\{byte:03o}");
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Embedding {
        Embedding::new("a \"b\" é", 2, &[0.0, 1.0, -0.5, 1e-9, 0.1, 2.0]).unwrap()
    }

    #[test]
    fn files_are_those_that_tensorboard_reads() {
        let dir = tempfile::tempdir().unwrap();
        let embedding = three().labels("class", ["x", "y", "z"]).unwrap();
        let embedding = embedding.labels("number", [1, 2, 3]).unwrap();
        let embedding = embedding.pictures([1, 2, 1], &[1, 2, 3, 4, 5, 6]).unwrap();
        let plain = Embedding::new("plain", 1, &[5.0]).unwrap().labels("class", ["only"]).unwrap();
        write_projector(dir.path(), &[embedding, plain]).unwrap();
        let check = |name: &str, expected: &str| {
            assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), expected, "{name}");
        };
        check("projector-0.tensors.tsv", "0.0\t1.0\n-0.5\t1e-9\n0.1\t2.0\n");
        check("projector-0.labels.tsv", "class\tnumber\nx\t1\ny\t2\nz\t3\n");
        check("projector-1.labels.tsv", "only\n");
        check(
            CONFIG,
            "embeddings {\n  tensor_name: \"a \\\"b\\\" \\303\\251\"\n  tensor_path: \"projector-0.tensors.tsv\"\n  \
             tensor_shape: 3\n  tensor_shape: 2\n  metadata_path: \"projector-0.labels.tsv\"\n  sprite {\n    \
             image_path: \"projector-0.pictures.png\"\n    single_image_dim: 2\n    single_image_dim: 1\n  }\n}\n\
             embeddings {\n  tensor_name: \"plain\"\n  tensor_path: \"projector-1.tensors.tsv\"\n  tensor_shape: 1\n  \
             tensor_shape: 1\n  metadata_path: \"projector-1.labels.tsv\"\n}\n",
        );
        let sprite = fs::read(dir.path().join("projector-0.pictures.png")).unwrap();
        // Two in a row, and the place of a fourth is empty.
        let expected = Image::hwc([2, 4, 1], &[1, 2, 3, 4, 5, 6, 0, 0u8]).unwrap();
        assert_eq!(Image::encoded(sprite).unwrap(), expected);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let check = |embedding: Result<Embedding, InputError>, expected: &str| {
            assert_eq!(embedding.unwrap_err().to_string(), expected);
        };
        check(Embedding::new("", 1, &[1.0]), "embedding \"\" is empty: give it a name to choose it by");
        check(Embedding::new("a", 2, &[]), "no points: give at least one");
        check(
            Embedding::new("a", 2, &[1.0; 3]),
            "3 coordinates, expected 4: so many coordinates have whole points",
        );
        check(Embedding::new("a", 1, &[f32::INFINITY]), "coordinate 0 is inf, expected a finite number");
        check(three().labels("class", ["x"]), "1 labels, expected 3: one a point");
        let problem = "is empty or has a tab or a line break, expected some text on one line";
        check(three().labels("class", ["x", "", "z"]), &format!("label \"\" {problem}"));
        check(three().labels("class", ["x", "a\tb", "z"]), &format!("label \"a\\tb\" {problem}"));
        check(three().pictures([1, 2, 1], &[0; 4]), "2 pictures, expected 3: one a point");
        check(three().pictures([1, 0, 1], &[]), "no pixels: give at least one");
        check(
            three().pictures([1, 5000, 1], &[0; 15_000]),
            "10000 pixels on a side, expected at most 8192: make the pictures smaller, or give fewer points",
        );
        let dir = tempfile::tempdir().unwrap();
        let error = write_projector(dir.path(), &[three(), three()]).unwrap_err();
        assert!(error.to_string().contains("is there twice"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
