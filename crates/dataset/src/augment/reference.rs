//! Each variation again, plainly: pixel by pixel, in f64, straight from its definition. Slow, and for tests only.

use super::{Occasion, Op};
use crate::Shape;

/// What `op` makes of a picture, before it is rounded to bytes.
pub(super) fn varied(op: Op, picture: &[u8], shape: Shape, occasion: Occasion) -> Vec<f64> {
    let mut stream = occasion.key(op.purpose()).stream();
    let (height, width) = (shape.height as i32, shape.width as i32);
    let old = |plane: usize, row: i32, column: i32| {
        let inside = (0..height).contains(&row) && (0..width).contains(&column);
        let place = (plane * shape.height + row.max(0) as usize) * shape.width + column.max(0) as usize;
        if inside { f64::from(picture[place]) } else { 0.0 }
    };
    let each = |value: &dyn Fn(usize, i32, i32) -> f64| {
        let mut new = Vec::new();
        for plane in 0..shape.channels {
            for row in 0..height {
                for column in 0..width {
                    new.push(value(plane, row, column));
                }
            }
        }
        new
    };
    // From the place `back` of (x, y) from the centre, by tent weights over all pixels.
    let resampled = |back: &dyn Fn(f64, f64) -> (f64, f64)| {
        let centre = (f64::from(width - 1) / 2.0, f64::from(height - 1) / 2.0);
        each(&|plane, row, column| {
            let (x, y) = back(f64::from(column) - centre.0, f64::from(row) - centre.1);
            let (x, y) = (x + centre.0, y + centre.1);
            let tent = |a: f64, b: i32| (1.0 - (a - f64::from(b)).abs()).max(0.0);
            let weighed = |(r, c): (i32, i32)| tent(y, r) * tent(x, c) * old(plane, r, c);
            (0..height).flat_map(|r| (0..width).map(move |c| (r, c))).map(weighed).sum()
        })
    };
    match op {
        Op::Flip => match stream.chance(0.5) {
            true => each(&|plane, row, column| old(plane, row, width - 1 - column)),
            false => each(&old),
        },
        Op::Shift(most) => {
            let (right, down) = offsets(&mut stream, most);
            each(&|plane, row, column| old(plane, row - down, column - right))
        }
        Op::Crop(most) => {
            let (right, down) = offsets(&mut stream, most);
            each(&|plane, row, column| {
                old(plane, mirrored(row - down, height), mirrored(column - right, width))
            })
        }
        Op::Rotate(most) => {
            let angle = f64::from(stream.uniform_f32(-most, most)).to_radians();
            resampled(&|x, y| (x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()))
        }
        Op::Zoom(most) => {
            let factor = 1.0 + f64::from(stream.uniform_f32(-most, most));
            resampled(&|x, y| (x / factor, y / factor))
        }
        Op::Brightness(most) => {
            let more = 255.0 * f64::from(stream.uniform_f32(-most, most));
            each(&|plane, row, column| (old(plane, row, column) + more).clamp(0.0, 255.0))
        }
        Op::Contrast(most) => {
            let factor = 1.0 + f64::from(stream.uniform_f32(-most, most));
            let mean = |plane| {
                let places = (0..height).flat_map(|r| (0..width).map(move |c| (r, c)));
                places.map(|(r, c)| old(plane, r, c)).sum::<f64>() / f64::from(height * width)
            };
            each(&|plane, row, column| {
                let mean = mean(plane);
                (mean + factor * (old(plane, row, column) - mean)).clamp(0.0, 255.0)
            })
        }
        Op::Noise(sigma) => {
            let mut drawn = Vec::new();
            for _ in 0..picture.len().div_ceil(2) {
                let bits = stream.bits();
                drawn.extend([bits % 8192, (bits >> 16) % 8192]);
            }
            let noise = |bits: u32| normal((f64::from(bits) + 0.5) / 8192.0) * f64::from(sigma) * 255.0;
            let values = picture.iter().zip(drawn);
            values.map(|(&byte, bits)| (f64::from(byte) + noise(bits)).clamp(0.0, 255.0)).collect()
        }
        Op::Cutout(side) => {
            let (row, column) = (stream.below(height as u32) as i32, stream.below(width as u32) as i32);
            let within = |place: i32, centre: i32| {
                (centre - side as i32 / 2..centre - side as i32 / 2 + side as i32).contains(&place)
            };
            each(&|plane, r, c| {
                if within(r, row) && within(c, column) { 0.0 } else { old(plane, r, c) }
            })
        }
    }
}

/// Right and down.
fn offsets(stream: &mut streams::Stream, most: u32) -> (i32, i32) {
    let most = most as i32;
    let right = stream.between(-most, most);
    (right, stream.between(-most, most))
}

/// Walks back from each end until it is inside.
fn mirrored(mut place: i32, length: i32) -> i32 {
    while length > 1 && !(0..length).contains(&place) {
        place = if place < 0 { -place } else { 2 * (length - 1) - place };
    }
    if length == 1 { 0 } else { place }
}

/// The number that a normal variable is below with this probability, by halving.
fn normal(probability: f64) -> f64 {
    let (mut low, mut high) = (-9.0, 9.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        let below = 0.5 * libm::erfc(-middle / std::f64::consts::SQRT_2) < probability;
        (low, high) = if below { (middle, high) } else { (low, middle) };
    }
    low
}
