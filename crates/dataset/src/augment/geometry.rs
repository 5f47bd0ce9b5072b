//! Variations that move pixels: (C, H, W) bytes to bytes.

use crate::Shape;

/// Mirrors left and right.
pub(super) fn flip(picture: &mut [u8], shape: Shape) {
    picture.chunks_exact_mut(shape.width).for_each(<[u8]>::reverse);
}

/// Moves the picture right and down, with black where nothing comes in.
pub(super) fn shift(picture: &mut [u8], shape: Shape, [right, down]: [i32; 2], scratch: &mut Vec<u8>) {
    scratch.clear();
    scratch.extend_from_slice(picture);
    picture.fill(0);
    let (height, width) = (shape.height as i32, shape.width as i32);
    // Columns and rows of the new picture that the old one reaches.
    let columns = right.clamp(0, width)..(width + right).clamp(0, width);
    let rows = down.clamp(0, height)..(height + down).clamp(0, height);
    if columns.is_empty() {
        return;
    }
    for plane in 0..shape.channels as i32 {
        for row in rows.clone() {
            let place = |row: i32, column: i32| ((plane * height + row) * width + column) as usize;
            let (to, from) = (place(row, columns.start), place(row - down, columns.start - right));
            picture[to..][..columns.len()].copy_from_slice(&scratch[from..][..columns.len()]);
        }
    }
}

/// Moves the picture right and down, with its mirror image where nothing comes in.
pub(super) fn crop(picture: &mut [u8], shape: Shape, [right, down]: [i32; 2], scratch: &mut Vec<u8>) {
    scratch.clear();
    scratch.extend_from_slice(picture);
    let Shape { height, width, .. } = shape;
    let rows = scratch.chunks_exact(width * height).flat_map(|plane| {
        (0..height as i32).map(move |row| &plane[reflected(row - down, height) * width..][..width])
    });
    for (new, old) in picture.chunks_exact_mut(width).zip(rows) {
        // Up to the middle of the row there is nothing to reflect.
        let (first, last) = (right.clamp(0, width as i32), (width as i32 + right).clamp(0, width as i32));
        for column in (0..first).chain(last..width as i32) {
            new[column as usize] = old[reflected(column - right, width)];
        }
        if first < last {
            new[first as usize..last as usize]
                .copy_from_slice(&old[(first - right) as usize..][..(last - first) as usize]);
        }
    }
}

/// A place on a line of `length` pixels that is mirrored at both ends without repeating these: of four pixels,
/// -1 is 1 and 4 is 2.
fn reflected(place: i32, length: usize) -> usize {
    let period = 2 * (length as i32 - 1);
    if period == 0 {
        return 0;
    }
    let place = place.rem_euclid(period);
    place.min(period - place) as usize
}

/// Four channels of a pixel side by side, 16 bits each, so that one multiplication weighs all of them.
type Packed = u64;
/// A channel's place.
const LANE: u32 = 16;
const LANES: usize = 4;
/// The byte of each channel.
const BYTES: Packed = 0x00ff_00ff_00ff_00ff;
/// A half, in 1/256, of each channel: rounds to the nearest.
const HALVES: Packed = 0x0080_0080_0080_0080;
/// Black pixels around the picture: a place is clamped to two beyond the edge, and its neighbour looked at.
const BORDER: usize = 2;

/// Reads pixels from between the pixels of another picture: places to 1/256 of a pixel, bilinear, each of the
/// three mixtures rounded to whole values.
#[derive(Clone, Debug)]
pub(super) struct Resampler {
    shape: Shape,
    /// The picture packed, with a black border.
    padded: Vec<Packed>,
    /// A row of the new picture.
    line: Vec<Packed>,
}

impl Resampler {
    pub(super) fn new(shape: Shape) -> Self {
        Self { shape, padded: Vec::new(), line: Vec::new() }
    }

    /// Replaces a picture by one whose pixel at (x, y) half pixels from the centre, which may be between two, comes
    /// from `half` times (x, y) of the old one, in 1/65536 of a pixel; black comes from outside.
    pub(super) fn resample(&mut self, picture: &mut [u8], half: [[i32; 2]; 2]) {
        let Shape { height, width, .. } = self.shape;
        let half = half.map(|row| row.map(i64::from));
        let centre = [(width as i64 - 1) << 15, (height as i64 - 1) << 15];
        let area = height * width;
        let mut line = std::mem::take(&mut self.line);
        line.resize(width, 0);
        for planes in picture.chunks_mut(LANES * area) {
            self.pack(planes);
            for row in 0..height {
                let (x, y) = (1 - width as i64, 2 * row as i64 - (height as i64 - 1));
                // With a half of 1/256, so that cutting off rounds.
                let mut from_x = centre[0] + half[0][0] * x + half[0][1] * y + 128;
                let mut from_y = centre[1] + half[1][0] * x + half[1][1] * y + 128;
                for pixel in &mut line {
                    *pixel = self.at(from_x, from_y);
                    from_x += 2 * half[0][0];
                    from_y += 2 * half[1][0];
                }
                for (channel, plane) in planes.chunks_exact_mut(area).enumerate() {
                    let bytes = line.iter().map(|pixel| (pixel >> (LANE * channel as u32)) as u8);
                    plane[row * width..][..width].iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
                }
            }
        }
        self.line = line;
    }

    /// Packs up to four planes.
    fn pack(&mut self, planes: &[u8]) {
        let Shape { height, width, .. } = self.shape;
        let stride = width + 2 * BORDER;
        self.padded.clear();
        self.padded.resize(stride * (height + 2 * BORDER), 0);
        for (channel, plane) in planes.chunks_exact(height * width).enumerate() {
            let rows = self.padded[BORDER * stride..].chunks_exact_mut(stride);
            for (packed, row) in rows.zip(plane.chunks_exact(width)) {
                for (packed, &byte) in packed[BORDER..].iter_mut().zip(row) {
                    *packed |= Packed::from(byte) << (LANE * channel as u32);
                }
            }
        }
    }

    /// The pixel at a place in 1/65536.
    fn at(&self, x: i64, y: i64) -> Packed {
        let Shape { height, width, .. } = self.shape;
        let stride = width + 2 * BORDER;
        let whole = |place: i64, length: usize| {
            ((place >> 16).clamp(-(BORDER as i64), length as i64) + BORDER as i64) as usize
        };
        let share = |place: i64| (place >> 8) as u64 & 0xff;
        let around = &self.padded[whole(y, height) * stride + whole(x, width)..][..stride + 2];
        let (right, down) = (share(x), share(y));
        let upper = mixed(around[0], around[1], right);
        let lower = mixed(around[stride], around[stride + 1], right);
        mixed(upper, lower, down)
    }
}

/// `share` of `b`, in 1/256, and the rest of `a`. Lanes of the difference may be negative and borrow from the next,
/// but not those of the sum: these are at least 0, and at most 255 * 256 + 128, which is less than 65536.
fn mixed(a: Packed, b: Packed, share: u64) -> Packed {
    let sum = (a << 8).wrapping_add(b.wrapping_sub(a).wrapping_mul(share)).wrapping_add(HALVES);
    (sum >> 8) & BYTES
}
