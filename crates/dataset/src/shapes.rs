//! Ten classes of drawn 32 x 32 colour pictures, for machines without network. Knows nothing of CIFAR-10 but
//! the form of its pictures, and is never presented as it.
//!
//! A picture depends on (seed, part, place) alone. Its shape is described by the signed distance from the
//! edge (negative inside), from which the share of a pixel that is covered follows; everything else varies:
//! place, size, angle, proportions, colours, background, clutter in front and behind, and noise. The constants
//! at the top say how much, and so how hard the classes are to learn.

use streams::{Purpose, Seed, Stream};

use crate::{Dataset, Given, Pictures, Result, Shape, Source, cores};

/// Training pictures by default, of which a validation part is held out: with [`TEST`], parts of 66.7, 16.7
/// and 16.7 %.
pub const TRAIN: usize = 10_000;
/// Test pictures by default.
pub const TEST: usize = 2_000;
/// Names of the classes in the order of the labels.
pub const CLASSES: [&str; 10] =
    ["disc", "ring", "square", "triangle", "cross", "star", "heart", "crescent", "arrow", "bars"];

// How hard it is. Lengths are in pixels, colours from 0 (black) to 1 (full).
/// Half the size of a shape.
const RADIUS: [f32; 2] = [6.0, 12.0];
/// How much a shape is stretched: height over width.
const STRETCH: [f32; 2] = [0.8, 1.25];
/// A shape's angle, each way from upright, as a share of a whole turn.
const TURN: f32 = 0.17;
/// The background's middle colour, in each of R, G and B: dark, so that shapes can be brighter. (Where they
/// were brighter or darker by chance, the tutorial network learnt nothing in its first epochs.)
const BACKGROUND: [f32; 2] = [0.05, 0.55];
/// How far the colour of a shape is from the background's (Euclidean distance in RGB, at most sqrt 3).
const CONTRAST: [f32; 2] = [0.35, 0.9];
/// How far the two ends of the background's gradient are apart, in each of R, G and B.
const GRADIENT: f32 = 0.3;
/// Cells of the background's texture in each direction, and its amplitude.
const CELLS: usize = 5;
const TEXTURE: [f32; 2] = [0.0, 0.35];
/// Strokes and dots behind the shape, and in front of it.
const CLUTTER_BEHIND: i32 = 3;
const CLUTTER_BEFORE: i32 = 1;
/// Half the width of a stroke.
const STROKE: [f32; 2] = [0.5, 1.6];
/// Amplitude of the noise of a pixel, evenly spread.
const NOISE: [f32; 2] = [0.02, 0.16];

const SIDE: usize = 32;
const AREA: usize = SIDE * SIDE;

/// Draws a dataset; the same for the same seed, on any machine. A smaller one is the beginning of a larger
/// one. In each part every class has the same number of pictures, to within one.
///
/// # Errors
/// When there are no training pictures, as [`Dataset::new`].
pub fn draw(seed: Seed, train: usize, test: usize) -> Result<Dataset> {
    const TRAIN_PART: Purpose = Purpose::new("shptrain");
    const TEST_PART: Purpose = Purpose::new("shptest");
    let picture = Shape::CIFAR.len();
    let mut pixels = vec![0; (train + test) * picture];
    let (train_pixels, test_pixels) = pixels.split_at_mut(train * picture);
    draw_part(seed, TRAIN_PART, train_pixels);
    draw_part(seed, TEST_PART, test_pixels);
    let labels = (0..train).chain(0..test).map(|i| label(i) as u8).collect();
    let pictures = Pictures::new(Shape::CIFAR, pixels, labels)?;
    Dataset::new(Source::Shapes, CLASSES, pictures, Given { train, validation: 0, test })
}

/// The class of picture `i` of a part.
fn label(i: usize) -> usize {
    i % CLASSES.len()
}

/// Draws pictures into their places, (N, C, H, W).
fn draw_part(seed: Seed, purpose: Purpose, pixels: &mut [u8]) {
    cores::each_certain(pixels.chunks_exact_mut(Shape::CIFAR.len()).enumerate(), |(i, place)| {
        picture_of(label(i), &mut seed.stream(purpose, 0, i as u64), place);
    });
}

/// Draws one picture of a class into its planes.
fn picture_of(class: usize, stream: &mut Stream, planes: &mut [u8]) {
    let mut canvas = Canvas { planes: [0.0; 3 * AREA] };
    let background = background(stream, &mut canvas);
    let behind = stream.between(0, CLUTTER_BEHIND);
    for _ in 0..behind {
        clutter(stream, &mut canvas);
    }
    let pose = Pose::draw(stream);
    let color = brighter(stream, background);
    match class {
        0 => canvas.fill(pose, color, disc),
        1 => canvas.fill(pose, color, ring),
        2 => canvas.fill(pose, color, square),
        3 => canvas.fill(pose, color, triangle),
        4 => canvas.fill(pose, color, cross),
        5 => canvas.fill(pose, color, star),
        6 => canvas.fill(pose, color, heart),
        7 => canvas.fill(pose, color, crescent),
        8 => canvas.fill(pose, color, arrow),
        _ => canvas.fill(pose, color, bars),
    }
    let before = stream.between(0, CLUTTER_BEFORE);
    for _ in 0..before {
        clutter(stream, &mut canvas);
    }
    let noise = range(stream, NOISE);
    for (values, bytes) in canvas.planes.chunks_exact(4).zip(planes.chunks_exact_mut(4)) {
        // Eight random bits are enough for a pixel: four pixels from one draw.
        for ((value, byte), bits) in values.iter().zip(bytes).zip(stream.bits().to_le_bytes()) {
            let noisy = value + noise * (f32::from(bits) - 127.5) / 127.5;
            *byte = (noisy.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        }
    }
}

type Color = [f32; 3];

fn range(stream: &mut Stream, [low, high]: [f32; 2]) -> f32 {
    stream.uniform_f32(low, high)
}

fn any_color(stream: &mut Stream) -> Color {
    [stream.unit_f32(), stream.unit_f32(), stream.unit_f32()]
}

/// A brighter colour at a drawn distance from another, less what the end of the scale takes away.
fn brighter(stream: &mut Stream, from: Color) -> Color {
    let distance = range(stream, CONTRAST);
    // Never all zero; no component backwards, so that the whole is brighter.
    let direction = any_color(stream).map(|v| v + 0.01);
    let length = direction.iter().map(|v| v * v).sum::<f32>().sqrt();
    let mut color = from;
    for (value, step) in color.iter_mut().zip(direction) {
        *value = (*value + distance * step / length).min(1.0);
    }
    color
}

/// Fills the canvas with a gradient and a coarse texture; returns the middle colour.
fn background(stream: &mut Stream, canvas: &mut Canvas) -> Color {
    let middle = [(); 3].map(|()| range(stream, BACKGROUND));
    let slopes = [(); 3].map(|()| stream.uniform_f32(-GRADIENT, GRADIENT) / SIDE as f32);
    let (sin, cos) = direction(stream.unit_f32());
    let amplitude = range(stream, TEXTURE);
    let mut grid = [0.0; (CELLS + 1) * (CELLS + 1)];
    for knot in &mut grid {
        *knot = amplitude * stream.uniform_f32(-0.5, 0.5);
    }
    for row in 0..SIDE {
        for column in 0..SIDE {
            let along = (column as f32 - 15.5) * cos + (row as f32 - 15.5) * sin;
            let texture = interpolated(&grid, row, column);
            for (plane, slope) in slopes.iter().enumerate() {
                canvas.planes[plane * AREA + row * SIDE + column] = middle[plane] + along * slope + texture;
            }
        }
    }
    middle
}

/// The texture at a pixel, bilinear between the knots of the grid.
fn interpolated(grid: &[f32], row: usize, column: usize) -> f32 {
    let cell = |at: usize| {
        let place = at * CELLS;
        (place / SIDE, (place % SIDE) as f32 / SIDE as f32)
    };
    let ((y, down), (x, right)) = (cell(row), cell(column));
    let knot = |y: usize, x: usize| grid[y * (CELLS + 1) + x];
    let above = knot(y, x) + right * (knot(y, x + 1) - knot(y, x));
    let below = knot(y + 1, x) + right * (knot(y + 1, x + 1) - knot(y + 1, x));
    above + down * (below - above)
}

/// A stroke anywhere, or a dot: a stroke of no length.
fn clutter(stream: &mut Stream, canvas: &mut Canvas) {
    let half = stream.uniform_f32(0.0, 6.0) - 2.0;
    let width = range(stream, STROKE);
    let (half, width) = if half > 0.0 { (half, width) } else { (0.0, 1.5 * width) };
    let color = any_color(stream);
    let (sin, cos) = direction(stream.unit_f32());
    let (x, y) = (stream.uniform_f32(0.0, SIDE as f32), stream.uniform_f32(0.0, SIDE as f32));
    let pose = Pose { x, y, sin, cos, width: 1.0, height: 1.0, reach: half + width };
    canvas.fill(pose, color, |x, y| length((x.abs() - half).max(0.0), y) - width);
}

/// Sine and cosine of a share of a whole turn.
fn direction(turn: f32) -> (f32, f32) {
    let angle = turn * std::f32::consts::TAU;
    (libm::sinf(angle), libm::cosf(angle))
}

/// Where a shape lies: its centre, angle, the pixels in its unit of width and height, and how far it reaches.
#[derive(Clone, Copy)]
struct Pose {
    x: f32,
    y: f32,
    sin: f32,
    cos: f32,
    width: f32,
    height: f32,
    reach: f32,
}

impl Pose {
    fn draw(stream: &mut Stream) -> Self {
        let radius = range(stream, RADIUS);
        let stretch = range(stream, STRETCH).sqrt();
        let (sin, cos) = direction(stream.uniform_f32(-TURN, TURN));
        // So that nearly all of the shape is in the picture.
        let margin = 0.85 * radius;
        let x = stream.uniform_f32(margin, SIDE as f32 - margin);
        let y = stream.uniform_f32(margin, SIDE as f32 - margin);
        let (width, height) = (radius / stretch, radius * stretch);
        Self { x, y, sin, cos, width, height, reach: 1.3 * width.max(height) }
    }
}

/// (3, 32, 32) values, nominally in [0, 1].
struct Canvas {
    planes: [f32; 3 * AREA],
}

impl Canvas {
    /// Fills a shape given by its signed distance in its own units, with smooth edges of one pixel.
    fn fill(&mut self, pose: Pose, color: Color, distance: impl Fn(f32, f32) -> f32) {
        let span = |middle: f32| {
            let end = SIDE as f32;
            (middle - pose.reach - 1.0).clamp(0.0, end) as usize
                ..(middle + pose.reach + 2.0).clamp(0.0, end) as usize
        };
        let unit = (pose.width * pose.height).sqrt();
        for row in span(pose.y) {
            for column in span(pose.x) {
                let (x, y) = (column as f32 + 0.5 - pose.x, row as f32 + 0.5 - pose.y);
                let across = (x * pose.cos + y * pose.sin) / pose.width;
                let along = (y * pose.cos - x * pose.sin) / pose.height;
                let covered = (0.5 - unit * distance(across, along)).clamp(0.0, 1.0);
                if covered > 0.0 {
                    for (plane, value) in color.iter().enumerate() {
                        let place = &mut self.planes[plane * AREA + row * SIDE + column];
                        *place += covered * (value - *place);
                    }
                }
            }
        }
    }
}

// Signed distances, or what comes near them at the edge, in a frame where y points down and shapes reach to
// about 1 from the centre.

fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}

/// A box of half width `a` and half height `b`.
fn rectangle(x: f32, y: f32, a: f32, b: f32) -> f32 {
    (x.abs() - a).max(y.abs() - b)
}

fn disc(x: f32, y: f32) -> f32 {
    length(x, y) - 0.88
}

fn ring(x: f32, y: f32) -> f32 {
    (length(x, y) - 0.7).abs() - 0.2
}

fn square(x: f32, y: f32) -> f32 {
    rectangle(x, y, 0.75, 0.75)
}

/// Equilateral, pointing up: inside of three lines at half the distance of the corners.
fn triangle(x: f32, y: f32) -> f32 {
    const SIN_60: f32 = 0.866_025_4;
    let y = y - 0.15;
    (SIN_60 * x.abs() - 0.5 * y).max(y) - 0.52
}

fn cross(x: f32, y: f32) -> f32 {
    rectangle(x, y, 0.26, 0.92).min(rectangle(x, y, 0.92, 0.26))
}

/// Five points: inside of all but at most one of the five lines that join every other corner.
fn star(x: f32, y: f32) -> f32 {
    // Outward normals of the lines, a fifth of a turn apart: each points at a corner. The lines are cos 72
    // degrees from the centre where the corners are at 1.
    const NORMALS: [(f32, f32); 5] = [
        (0.0, -1.0),
        (0.951_056_5, -0.309_017),
        (0.587_785_25, 0.809_017),
        (-0.587_785_25, 0.809_017),
        (-0.951_056_5, -0.309_017),
    ];
    let (mut first, mut second) = (f32::MIN, f32::MIN);
    for (nx, ny) in NORMALS {
        let beyond = nx * x + ny * y;
        second = second.max(beyond.min(first));
        first = first.max(beyond);
    }
    second - 0.34
}

/// A square on its corner, with a disc on each of its upper sides.
fn heart(x: f32, y: f32) -> f32 {
    const DIAGONAL: f32 = std::f32::consts::FRAC_1_SQRT_2;
    let (x, y) = (x.abs(), y - 0.1);
    let tilted = (x + y.abs()) * DIAGONAL - 0.52;
    let middle = 0.52 * DIAGONAL;
    tilted.min(length(x - middle, y + middle) - 0.52)
}

fn crescent(x: f32, y: f32) -> f32 {
    let x = x + 0.15;
    (length(x, y) - 0.92).max(0.72 - length(x - 0.48, y))
}

/// Pointing up: a triangle on a shaft.
fn arrow(x: f32, y: f32) -> f32 {
    const SLOPE: f32 = std::f32::consts::FRAC_1_SQRT_2;
    let head = ((x.abs() - y) * SLOPE - 0.67).max(y + 0.15);
    head.min(rectangle(x, y - 0.35, 0.22, 0.6))
}

/// Three upright bars side by side.
fn bars(x: f32, y: f32) -> f32 {
    const APART: f32 = 0.66;
    rectangle((x.abs() - APART).abs().min(x.abs()), y, 0.17, 0.85)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_depends_on_seed_part_and_place_alone() {
        let (small, large) = (draw(Seed(1), 30, 12).unwrap(), draw(Seed(1), 61, 40).unwrap());
        for i in 0..30 {
            assert_eq!(small.pictures().picture(i), large.pictures().picture(i));
        }
        for i in 0..12 {
            assert_eq!(small.pictures().picture(30 + i), large.pictures().picture(61 + i));
        }
        let first = small.pictures().picture(0);
        assert_ne!(first, small.pictures().picture(30));
        assert_ne!(first, small.pictures().picture(10));
        assert_ne!(first, draw(Seed(2), 1, 1).unwrap().pictures().picture(0));
    }

    #[test]
    fn the_bytes_never_change() {
        // What somebody trained on must be drawn again: a change here changes the md5 of every model.
        let drawn = draw(Seed(0), 200, 100).unwrap();
        assert_eq!(crate::Digest::of(drawn.pictures().pixels()).name(), PIXELS);
        assert_eq!(drawn.fingerprint(), GOLDEN);
    }
    const PIXELS: u64 = 16_497_104_017_950_680_940;
    const GOLDEN: &str = "a2737a0bd0e9b03f1d50f3e2dac68353f5763a579bc06f55c826f783205d6583";

    #[test]
    fn classes_are_balanced_and_the_source_is_named() {
        let drawn = draw(Seed(0), 205, 50).unwrap();
        for class in 0..10u8 {
            let [train, _, test] = drawn
                .given()
                .ranges()
                .map(|part| drawn.pictures().labels()[part].iter().filter(|&&l| l == class).count());
            assert!((20..=21).contains(&train) && test == 5);
        }
        assert_eq!(drawn.source(), Source::Shapes);
        assert_eq!(drawn.classes(), CLASSES);
    }

    #[test]
    fn shapes_are_what_their_names_say() {
        // Points inside (-) and outside (+) of each shape, upright, y downwards.
        let check = |shape: fn(f32, f32) -> f32, inside: &[(f32, f32)], outside: &[(f32, f32)]| {
            assert!(inside.iter().all(|&(x, y)| shape(x, y) < 0.0), "outside of {inside:?}");
            assert!(outside.iter().all(|&(x, y)| shape(x, y) > 0.0), "inside of {outside:?}");
        };
        check(disc, &[(0.0, 0.0), (0.6, 0.6)], &[(0.7, 0.7)]);
        check(ring, &[(0.7, 0.0), (0.0, -0.7)], &[(0.0, 0.0), (0.8, 0.8)]);
        check(square, &[(0.7, 0.7), (-0.7, 0.7)], &[(0.8, 0.0)]);
        check(triangle, &[(0.0, -0.7), (0.8, 0.6), (-0.8, 0.6)], &[(0.7, -0.3), (0.0, 0.8)]);
        check(cross, &[(0.9, 0.0), (0.0, 0.9)], &[(0.5, 0.5), (-0.5, 0.5)]);
        check(star, &[(0.0, -1.0), (0.6, 0.8), (-0.9, -0.3)], &[(0.0, 0.6), (0.6, -0.8)]);
        check(heart, &[(0.5, -0.5), (-0.5, -0.5), (0.0, 0.7)], &[(0.0, -0.8), (0.7, 0.6)]);
        check(crescent, &[(-0.9, 0.0), (-0.2, 0.85)], &[(0.3, 0.0), (0.95, 0.0)]);
        check(arrow, &[(0.0, -0.8), (0.6, -0.2), (0.0, 0.9)], &[(0.5, 0.5), (0.7, -0.7)]);
        check(bars, &[(0.0, 0.8), (0.66, -0.8), (-0.66, 0.0)], &[(0.33, 0.0), (-0.33, 0.5)]);
        // Its lines meet at 0.34 / cos 72 degrees from the centre.
        check(star, &[(0.0, -1.09)], &[(0.0, -1.11)]);
    }

    #[test]
    fn shapes_are_brighter_than_their_background_by_what_was_asked() {
        let mut stream = Seed(4).stream(const { Purpose::new("test") }, 0, 0);
        for _ in 0..1000 {
            let from = [(); 3].map(|()| range(&mut stream, BACKGROUND));
            let color = brighter(&mut stream, from);
            let far = color.iter().zip(from).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
            // The end of the scale cuts at most what is over 1 - 0.55 in one direction.
            assert!((0.34..=CONTRAST[1] + 1e-5).contains(&far), "{far}");
            assert!(color.iter().zip(from).all(|(a, b)| (b..=1.0).contains(a)));
        }
    }
}
