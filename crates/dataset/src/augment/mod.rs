//! Random variations of a picture, so that a network never sees the same one twice. Knows nothing of files,
//! batches or order: what happens to a picture depends only on (seed, epoch, the picture's name, op).
//!
//! All of it is arithmetic on whole numbers, from bytes to bytes, so that any machine and any device gets the
//! same picture to the last bit. An [`Augmentation`] says what is to be done, an [`Augmenter`] draws how, a [`Change`]
//! for each op, and does it.

pub mod draw;
mod geometry;
mod values;
mod words;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use streams::{Key, Purpose, Seed};

use crate::Shape;
pub use draw::Change;
use geometry::{Resampler, crop, flip, shift};
use values::{Noise, brighten, contrast, cutout};

/// One kind of variation. Lengths are in pixels, amounts of brightness in shares of the full scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// Mirrors left and right, one time in two.
    Flip,
    /// Moves by up to so many whole pixels each way; black comes in at the edge.
    Shift(u32),
    /// Moves as [`Shift`](Self::Shift) does, but the picture's mirror image comes in: a random crop of the
    /// picture padded by reflection, its outermost pixels not repeated.
    Crop(u32),
    /// Turns by up to so many degrees each way around the centre, bilinear; black comes in at the corners.
    Rotate(f32),
    /// Enlarges or makes smaller around the centre, by a factor of up to so much below or above 1, bilinear;
    /// black comes in at the edge.
    Zoom(f32),
    /// Adds up to so much, each way, to all values.
    Brightness(f32),
    /// Moves the values of each plane away from their mean or towards it, by a factor of up to so much below
    /// or above 1.
    Contrast(f32),
    /// Adds Gaussian noise of this standard deviation to each value.
    Noise(f32),
    /// Makes a square of so many pixels a side black, its centre anywhere in the picture (DeVries and Taylor,
    /// "Improved regularization of convolutional neural networks with Cutout", 2017).
    Cutout(u32),
}

/// Variations in the order in which they are applied, each kind at most once. Written as
/// `flip,shift:4,rotate:15,noise:0.02`, as `none`, or with the names `light` (`flip,shift:4`) and `standard`
/// (`flip,shift:4,rotate:15,noise:0.02`) for some of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Augmentation {
    ops: Vec<Op>,
}

impl Augmentation {
    /// Leaves pictures as they are.
    pub fn none() -> Self {
        Self::default()
    }

    /// `light`: flips, and shifts by up to four pixels.
    pub fn light() -> Self {
        Self { ops: words::LIGHT.to_vec() }
    }

    /// The variations, in order.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Whether pictures stay as they are.
    pub fn is_none(&self) -> bool {
        self.ops.is_empty()
    }
}

/// Whose variation is drawn: the same one always gets the same.
#[derive(Clone, Copy, Debug)]
pub struct Occasion {
    /// The seed of the run.
    pub seed: Seed,
    /// The epoch, counted from 0.
    pub epoch: u64,
    /// The picture's [name](crate::Digest::name).
    pub sample: u64,
}

impl Occasion {
    fn key(self, purpose: Purpose) -> Key {
        self.seed.key(purpose, self.epoch, self.sample)
    }
}

/// Varies pictures of one shape; has the room that this takes. A clone shares its tables.
#[derive(Clone, Debug)]
pub struct Augmenter {
    ops: Vec<Op>,
    shape: Shape,
    noise: Option<Arc<Noise>>,
    resampler: Resampler,
    scratch: Vec<u8>,
}

impl Augmenter {
    /// For pictures of `shape`. Takes a millisecond where there is noise, whose table it makes.
    pub fn new(augmentation: &Augmentation, shape: Shape) -> Self {
        let noise = augmentation.ops.iter().find_map(|op| match op {
            Op::Noise(sigma) => Some(Arc::new(Noise::new(*sigma))),
            _ => None,
        });
        Self {
            ops: augmentation.ops.clone(),
            shape,
            noise,
            resampler: Resampler::new(shape),
            scratch: Vec::new(),
        }
    }

    /// Varies a picture, (C, H, W) bytes, in place. A slice of another length is left as it is.
    pub fn vary(&mut self, picture: &mut [u8], occasion: Occasion) {
        if picture.len() != self.shape.len() || picture.is_empty() {
            return;
        }
        for i in 0..self.ops.len() {
            let change = self.ops[i].draw(self.shape, occasion);
            self.apply(picture, change);
        }
    }

    /// Does one change to a picture, (C, H, W) bytes. A slice of another length is left as it is.
    pub fn apply(&mut self, picture: &mut [u8], change: Change) {
        if picture.len() != self.shape.len() || picture.is_empty() {
            return;
        }
        let (shape, scratch) = (self.shape, &mut self.scratch);
        match change {
            Change::Flip(false) => {}
            Change::Flip(true) => flip(picture, shape),
            Change::Shift(offsets) => shift(picture, shape, offsets, scratch),
            Change::Crop(offsets) => crop(picture, shape, offsets, scratch),
            Change::Resample(back) => self.resampler.resample(picture, back),
            Change::Brightness(levels) => brighten(picture, levels),
            Change::Contrast(factor) => contrast(picture, shape, factor),
            Change::Noise(key) => {
                if let Some(noise) = &self.noise {
                    noise.add(picture, &mut key.stream());
                }
            }
            Change::Cutout { centre, side } => cutout(picture, shape, side as usize, centre),
        }
    }

    /// The codes of the ops, in order: see [`draw`].
    pub fn codes(&self) -> Vec<u32> {
        self.ops.iter().map(|op| op.code()).collect()
    }

    /// Levels of noise, all equally likely: two from each word of the stream, first by its low 13 bits, then by the low
    /// 13 of its upper 16. Nothing where there is no noise.
    pub fn noise_levels(&self) -> &[i16] {
        self.noise.as_deref().map_or(&[], Noise::levels)
    }
}
