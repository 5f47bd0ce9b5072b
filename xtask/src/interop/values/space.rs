//! Meshes and the projector's points, with the coordinates that they must have.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use tensorboard::{Embedding, Mesh, Writer, write_projector};

use super::Kind;
use super::ask::{Ask, expect};

pub(super) const MESH: Kind = Kind { name: "mesh", write: write_mesh, says: says_mesh };
pub(super) const PROJECTOR: Kind =
    Kind { name: "projector", write: write_projector_run, says: says_projector };

const VERTICES: [[f32; 3]; 4] = [[1.0, 1.0, 0.1], [-1.0, -1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0]];
const FACES: [[u32; 3]; 4] = [[0, 2, 3], [0, 3, 1], [0, 1, 2], [1, 3, 2]];
const COLORS: [[u8; 3]; 4] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [7, 8, 9]];

fn write_mesh(folder: &Path) -> Result<()> {
    let mut writer = Writer::create(folder)?;
    writer.mesh("solid", 3, &Mesh::new(&VERTICES)?.faces(&FACES)?.colors(&COLORS)?)?;
    Ok(writer.close()?)
}

fn says_mesh(ask: &Ask<'_>) -> Result<()> {
    #[derive(Deserialize)]
    struct Part {
        step: i64,
        content_type: u32,
        components: u32,
        data_shape: [usize; 3],
    }
    let mut parts: Vec<Part> = ask.tag("meshes", "solid", &[("sample", "0")])?;
    parts.sort_by_key(|part| part.content_type);
    let found: Vec<_> = parts.iter().map(|part| (part.step, part.content_type, part.data_shape)).collect();
    // Vertices, faces, colours: one mesh of four each, of three numbers each.
    expect("parts", &found, &[1, 2, 3].map(|content| (3, content, [1, 4, 3])).to_vec())?;
    // A bit for each of the three.
    expect("components", &parts[0].components, &0b1110)?;

    let data = |content| {
        ask.bytes("data", &[("tag", "solid"), ("content_type", content), ("sample", "0"), ("step", "3")])
    };
    let vertices: Vec<u8> = VERTICES.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
    expect("vertices", &data("VERTEX")?, &vertices)?;
    let faces: Vec<u8> = FACES.iter().flatten().flat_map(|index| index.to_le_bytes()).collect();
    expect("faces", &data("FACE")?, &faces)?;
    expect("colours", &data("COLOR")?, &COLORS.as_flattened().to_vec())
}

const POINTS: [f32; 6] = [0.1, -2.5, 1e-30, 3e30, 0.333_333_34, 16_777_216.0];

fn write_projector_run(folder: &Path) -> Result<()> {
    let mut writer = Writer::create(folder)?;
    writer.text("note", 0, "The points are in files beside this one.")?;
    writer.close()?;
    let embedding = Embedding::new("words", 2, &POINTS)?
        .labels("word", ["one", "zwölf", "three"])?
        .labels("length", [3, 5, 5])?
        .pictures([1, 1, 1], &[10, 20, 30])?;
    Ok(write_projector(folder, &[embedding])?)
}

fn says_projector(ask: &Ask<'_>) -> Result<()> {
    expect("runs", &ask.plugin::<Vec<String>>("runs")?, &vec!["projector".to_owned()])?;
    let info: Value = serde_json::from_str(&ask.text("info", &[])?).context("info")?;
    let words = &info["embeddings"][0];
    expect("name", &words["tensorName"], &json!("words"))?;
    expect("shape", &words["tensorShape"], &json!([3, 2]))?;
    expect("size of a picture", &words["sprite"]["singleImageDim"], &json!([1, 1]))?;
    let points: Vec<u8> = POINTS.iter().flat_map(|x| x.to_le_bytes()).collect();
    expect("points", &ask.bytes("tensor", &[("name", "words")])?, &points)?;
    let labels = ask.text("metadata", &[("name", "words")])?;
    let rows: Vec<&str> = labels.lines().collect();
    expect("labels", &rows, &vec!["word\tlength", "one\t3", "zwölf\t5", "three\t5"])?;
    let sprite = ask.bytes("sprite_image", &[("name", "words")])?;
    expect("pictures", &sprite.get(..8), &Some(&b"\x89PNG\r\n\x1a\n"[..]))
}
