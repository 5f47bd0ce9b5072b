//! Things in space: a solid, and points of more dimensions than three.

use std::f32::consts::TAU;
use std::path::Path;

use tensorboard::{Embedding, Error, Mesh, Writer, write_projector};

use crate::normal;

/// A ring that grows thicker: vertices with colours, joined to triangles.
pub(crate) fn mesh(folder: &Path) -> Result<(), Error> {
    const AROUND: u32 = 32;
    const ACROSS: u32 = 16;
    let places = || (0..AROUND).flat_map(|i| (0..ACROSS).map(move |j| (i, j)));
    let vertex = |i: u32, j: u32| i % AROUND * ACROSS + j % ACROSS;
    let faces: Vec<[u32; 3]> = places()
        .flat_map(|(i, j)| {
            let corners = [vertex(i, j), vertex(i + 1, j), vertex(i + 1, j + 1), vertex(i, j + 1)];
            [[corners[0], corners[1], corners[2]], [corners[0], corners[2], corners[3]]]
        })
        .collect();
    let colors: Vec<[u8; 3]> = places().map(|(i, j)| [(i * 8) as u8, (j * 16) as u8, 160]).collect();

    let mut writer = Writer::create(folder.join("solids"))?;
    for step in 0..4 {
        let thickness = 0.2 + 0.1 * step as f32;
        let vertices: Vec<[f32; 3]> = places()
            .map(|(i, j)| {
                let (a, b) = (TAU * i as f32 / AROUND as f32, TAU * j as f32 / ACROSS as f32);
                let radius = 1.0 + thickness * b.cos();
                [radius * a.cos(), radius * a.sin(), thickness * b.sin()]
            })
            .collect();
        writer.mesh("ring", step, &Mesh::new(&vertices)?.faces(&faces)?.colors(&colors)?)?;
    }
    writer.close()
}

/// Three clouds of points with labels and pictures. The projector reads files, in the folder of a run.
pub(crate) fn projector(folder: &Path) -> Result<(), Error> {
    const POINTS: usize = 150;
    const DIMENSIONS: usize = 8;
    const CLOUDS: [&str; 3] = ["red", "green", "blue"];
    let folder = folder.join("points");
    let mut writer = Writer::create(&folder)?;
    writer.text("projector", 0, "The points of this run are in the **Projector**.")?;
    writer.close()?;

    let cloud = |point: usize| point % CLOUDS.len();
    let coordinate = |point: usize, i: usize| {
        let center = if i % CLOUDS.len() == cloud(point) { 3.0 } else { 0.0 };
        center + 0.7 * normal(point * DIMENSIONS + i)
    };
    let values: Vec<f32> =
        (0..POINTS).flat_map(|point| (0..DIMENSIONS).map(move |i| coordinate(point, i))).collect();
    let pixel = |point: usize| [0, 1, 2].map(|channel| if channel == cloud(point) { 220 } else { 40 });
    let pixels: Vec<u8> = (0..POINTS).flat_map(|point| pixel(point).repeat(8 * 8)).collect();
    let embedding = Embedding::new("clouds", DIMENSIONS, &values)?
        .labels("cloud", (0..POINTS).map(|point| CLOUDS[cloud(point)]))?
        .labels("number", 0..POINTS)?
        .pictures([8, 8, 3], &pixels)?;
    write_projector(&folder, &[embedding])
}
