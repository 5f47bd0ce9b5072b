//! What chance decides of a variation, as whole numbers. Knows nothing of pixels.
//!
//! Everything that takes fractions, angles or a stream's order is done here, so that any device has only arithmetic on
//! whole numbers left to do: [`Augmenter::draw`] gives a [`Change`] for each op, and [`Change::words`] writes it down
//! flat, as devices read it:
//!
//! | code | change | words (`i32`), in this order |
//! | --- | --- | --- |
//! | 0 | [`Flip`](Change::Flip) | 1 to mirror, else 0 |
//! | 1 | [`Shift`](Change::Shift) | right, down, in pixels |
//! | 2 | [`Crop`](Change::Crop) | right, down, in pixels |
//! | 3 | [`Resample`](Change::Resample) (rotate, zoom) | the matrix, row by row |
//! | 4 | [`Brightness`](Change::Brightness) | levels |
//! | 5 | [`Contrast`](Change::Contrast) | the factor in 1/4096 |
//! | 6 | [`Noise`](Change::Noise) | the eight words of the stream's key |
//! | 7 | [`Cutout`](Change::Cutout) | row and column of the centre, side, in pixels |
//!
//! A picture's record is the words of its changes one after the other, in the order of the ops: as long for each picture
//! of one [`Augmentation`](super::Augmentation), 15 words for `standard`, and 26 for every op there is.

use streams::{Key, Seed, Stream};

use super::{Augmenter, Occasion, Op, words};
use crate::Shape;

/// What one op does to one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Mirrors left and right, or does not.
    Flip(bool),
    /// Moves right and down by so many pixels; black comes in.
    Shift([i32; 2]),
    /// Moves right and down by so many pixels; the mirror image comes in.
    Crop([i32; 2]),
    /// Takes the pixel that is (x, y) half pixels from the centre from the place that is this matrix times (x, y) from
    /// it, in 1/65536 of a pixel.
    Resample([[i32; 2]; 2]),
    /// Adds so many levels.
    Brightness(i16),
    /// Multiplies the distance from the plane's mean by this, in 1/4096.
    Contrast(i32),
    /// Adds the noise that the stream of this key draws.
    Noise(Key),
    /// Makes a square black.
    Cutout {
        /// Row and column.
        centre: [u32; 2],
        /// Pixels a side.
        side: u32,
    },
}

impl Op {
    /// Which row of the table in [`draw`](self) its words follow.
    pub fn code(self) -> u32 {
        match self {
            Self::Flip => 0,
            Self::Shift(_) => 1,
            Self::Crop(_) => 2,
            Self::Rotate(_) | Self::Zoom(_) => 3,
            Self::Brightness(_) => 4,
            Self::Contrast(_) => 5,
            Self::Noise(_) => 6,
            Self::Cutout(_) => 7,
        }
    }

    /// What it does to a picture of `shape` on an occasion.
    pub(super) fn draw(self, shape: Shape, occasion: Occasion) -> Change {
        // Not opened for noise, whose numbers are drawn when it is applied.
        let open = || occasion.key(self.purpose()).stream();
        match self {
            Self::Flip => Change::Flip(open().chance(0.5)),
            Self::Shift(most) => Change::Shift(offsets(&mut open(), most)),
            Self::Crop(most) => Change::Crop(offsets(&mut open(), most)),
            Self::Rotate(most) => {
                let radians = open().uniform_f32(-most, most).to_radians();
                let (sin, cos) = (libm::sinf(radians), libm::cosf(radians));
                // Rows count downwards, so this turns clockwise as seen: back to the place of origin.
                Change::resample([[cos, -sin], [sin, cos]].map(|row| row.map(f64::from)))
            }
            Self::Zoom(most) => {
                let back = 1.0 / f64::from(1.0 + open().uniform_f32(-most, most));
                Change::resample([[back, 0.0], [0.0, back]])
            }
            Self::Brightness(most) => {
                let share = open().uniform_f32(-most, most);
                Change::Brightness((share * 255.0 + if share < 0.0 { -0.5 } else { 0.5 }) as i16)
            }
            Self::Contrast(most) => {
                let factor = 1.0 + open().uniform_f32(-most, most);
                Change::Contrast((factor * 4096.0 + 0.5) as i32)
            }
            Self::Noise(_) => Change::Noise(occasion.key(self.purpose())),
            Self::Cutout(side) => {
                let mut stream = open();
                let row = stream.below(shape.height as u32);
                let column = stream.below(shape.width as u32);
                Change::Cutout { centre: [row, column], side }
            }
        }
    }
}

impl Change {
    /// Takes the pixel at (x, y) from the centre from `back` times (x, y).
    pub(super) fn resample(back: [[f64; 2]; 2]) -> Self {
        // A factor of at most 10, the inverse of the smallest zoom.
        Self::Resample(back.map(|row| row.map(|x| (x * 32768.0 + if x < 0.0 { -0.5 } else { 0.5 }) as i32)))
    }

    /// Appends its words.
    pub fn words(self, words: &mut Vec<i32>) {
        match self {
            Self::Flip(mirrored) => words.push(i32::from(mirrored)),
            Self::Shift(offsets) | Self::Crop(offsets) => words.extend(offsets),
            Self::Resample(matrix) => words.extend(matrix.as_flattened()),
            Self::Brightness(levels) => words.push(i32::from(levels)),
            Self::Contrast(factor) => words.push(factor),
            Self::Noise(Key(key)) => words.extend(key.map(u32::cast_signed)),
            Self::Cutout { centre: [row, column], side } => {
                words.extend([row, column, side].map(u32::cast_signed));
            }
        }
    }
}

impl Augmenter {
    /// What each op, in order, does to the picture of an occasion.
    pub fn draw(&self, occasion: Occasion) -> impl Iterator<Item = Change> + '_ {
        self.ops.iter().map(move |op| op.draw(self.shape, occasion))
    }

    /// Words of a picture's record.
    pub fn words(&self) -> usize {
        let any = Occasion { seed: Seed(0), epoch: 0, sample: 0 };
        let mut words = Vec::new();
        self.draw(any).for_each(|change| change.words(&mut words));
        words.len()
    }
}

/// How far right and down.
fn offsets(stream: &mut Stream, most: u32) -> [i32; 2] {
    let most = most.min(words::FARTHEST) as i32;
    [stream.between(-most, most), stream.between(-most, most)]
}
