//! Batches of a dataset that lies on the device: gathered, varied and made to numbers there, to the bit as on the CPU.
//! Knows nothing of files, random numbers or networks.

use std::sync::Arc;

use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{
    CudaSlice, CudaView, CudaViewMut, DeviceRepr, PushKernelArg,
};
use candle_core::{Error, Result};

use super::real::Real;
use super::size;
use super::stages::{Batch, Bytes, Launch, Sizes, Stages};
use crate::resident::Variations;

/// Levels of noise that a kernel looks up.
const LEVELS: usize = 8192;

/// All pictures of a dataset, on a device. Batches of several kinds share it.
#[derive(Debug)]
pub(crate) struct DevicePictures {
    device: CudaDevice,
    /// (N, C, H, W)
    pixels: CudaSlice<u8>,
    /// (N)
    labels: CudaSlice<u8>,
    count: usize,
    /// (C, H, W)
    shape: [usize; 3],
}

impl DevicePictures {
    /// Values of a picture.
    pub(crate) fn values(&self) -> usize {
        self.shape.iter().product()
    }

    /// Takes pixels (N, C, H, W) of this shape (C, H, W) and N labels to the device.
    ///
    /// # Errors
    /// When there are none, when the lengths do not fit each other, or when the device has no room.
    pub(crate) fn new(device: &CudaDevice, shape: [usize; 3], pixels: &[u8], labels: &[u8]) -> Result<Self> {
        let values = shape.iter().try_fold(1usize, |all, &n| all.checked_mul(n)).unwrap_or(usize::MAX);
        if pixels.is_empty() || labels.len().checked_mul(values) != Some(pixels.len()) {
            let (found, count) = (pixels.len(), labels.len());
            candle_core::bail!("{found} bytes are not {count} pictures of {shape:?}, or are none")
        }
        Ok(Self {
            device: device.clone(),
            pixels: device.clone_htod(pixels)?,
            labels: device.clone_htod(labels)?,
            count: labels.len(),
            shape,
        })
    }
}

// SAFETY: ten numbers of 32 bits without gaps, as in pictures.cu.
unsafe impl DeviceRepr for Batch {}

/// Makes the batches of epochs that have as many pictures each. All room is taken when it is made.
#[derive(Debug)]
pub(crate) struct DeviceBatches {
    pictures: Arc<DevicePictures>,
    stages: Stages,
    batch_size: usize,
    epoch: usize,
    ops: CudaSlice<u32>,
    levels: CudaSlice<i16>,
    /// (EPOCH) places in the dataset.
    order: CudaSlice<u32>,
    /// (EPOCH, WORDS)
    variations: CudaSlice<i32>,
    /// Two of (B, C, H, W); of one byte where the kernels need none.
    buffers: [CudaSlice<u8>; 2],
    /// (B, C)
    means: CudaSlice<i32>,
}

impl DeviceBatches {
    /// For epochs of so many pictures, `batch_size` a step.
    ///
    /// # Errors
    /// When a code is none, when noise has another number of levels, when a batch has 2^32 values or more, or when the
    /// device has no room.
    pub(crate) fn new(
        pictures: &Arc<DevicePictures>,
        variations: &Variations<'_>,
        batch_size: usize,
        epoch: usize,
    ) -> Result<Self> {
        let device = &pictures.device;
        let stages = Stages::new(variations.codes)
            .map_err(|code| Error::Msg(format!("{code} is the code of no variation")))?;
        let noisy = stages.launches.iter().any(|it| matches!(it, Launch::Noise { .. }));
        if noisy && variations.levels.len() != LEVELS {
            candle_core::bail!("{} levels of noise, expected {LEVELS}", variations.levels.len())
        }
        size(epoch)?;
        let values = batch_size.saturating_mul(pictures.shape.iter().product());
        size(values)?;
        let room = |buffer| {
            let used = |it: &Launch| matches!(it, Launch::Vary { to, .. } if *to == buffer);
            device.alloc_zeros::<u8>(if stages.launches.iter().any(used) { values.max(1) } else { 1 })
        };
        let buffers = [room(0)?, room(1)?];
        let mut ops = device.alloc_zeros::<u32>(stages.ops.len().max(1))?;
        if !stages.ops.is_empty() {
            device.memcpy_htod(stages.ops.as_slice(), &mut ops)?;
        }
        let mut levels = device.alloc_zeros::<i16>(LEVELS)?;
        if noisy {
            device.memcpy_htod(variations.levels, &mut levels)?;
        }
        let words = epoch.saturating_mul(stages.words as usize);
        Ok(Self {
            batch_size,
            epoch,
            ops,
            levels,
            order: device.alloc_zeros::<u32>(epoch.max(1))?,
            variations: device.alloc_zeros::<i32>(words.max(1))?,
            buffers,
            means: device.alloc_zeros::<i32>((batch_size * pictures.shape[0]).max(1))?,
            stages,
            pictures: pictures.clone(),
        })
    }

    /// Begins an epoch: `order` (EPOCH) of places in the dataset and `variations` (EPOCH, WORDS), as
    /// `dataset::loader::EpochPlan` has them. To be called between batches, not while a graph is recorded.
    ///
    /// # Errors
    /// When the lengths are others, or a place is beyond the dataset.
    pub(crate) fn begin_epoch(&mut self, order: &[u32], variations: &[i32]) -> Result<()> {
        let (count, words) = (self.pictures.count, self.stages.words as usize);
        if order.len() != self.epoch || variations.len() != self.epoch * words {
            let (found, numbers) = (order.len(), variations.len());
            candle_core::bail!("{found} places and {numbers} words for {} pictures of {words}", self.epoch)
        }
        if let Some(place) = order.iter().find(|&&place| place as usize >= count) {
            candle_core::bail!("there is no picture {place} among {count}")
        }
        let device = &self.pictures.device;
        if !order.is_empty() {
            device.memcpy_htod(order, &mut self.order)?;
        }
        if !variations.is_empty() {
            device.memcpy_htod(variations, &mut self.variations)?;
        }
        Ok(())
    }

    /// Writes the first `count` pictures of step `step[0]`, a number on the device, into `images` (B, C, H, W), in
    /// [0, 1], and their labels into `labels` (B). Only launches kernels on the device's stream, at most two for a
    /// variation and one more: it takes no room, so a graph can record it, once the kernels were loaded by an earlier
    /// call. Where the epoch ends before, what is behind is left as it was. Beginning another epoch changes what the same
    /// graph makes.
    ///
    /// # Errors
    /// When `count` is more than the batch size, when there is less room than for them, or when a launch fails.
    pub(crate) fn enqueue<R: Real>(
        &mut self,
        step: &CudaSlice<u32>,
        count: usize,
        images: &mut CudaViewMut<'_, R>,
        labels: &mut CudaSlice<u32>,
    ) -> Result<()> {
        let pictures = &*self.pictures;
        let device = &pictures.device;
        let values = pictures.shape.iter().product::<usize>();
        let threads = count.saturating_mul(values);
        let [room, label_room] = [images.len(), labels.len()];
        if count > self.batch_size || room < threads || label_room < count || step.is_empty() {
            let (most, steps) = (self.batch_size, step.len());
            candle_core::bail!(
                "{count} pictures, at most {most}, of {values} values do not fit {room} values, {label_room} labels and \
                 {steps} steps"
            )
        }
        let [channels, height, width] = pictures.shape;
        let sizes = Sizes {
            epoch: size(self.epoch)?,
            batch: size(self.batch_size)?,
            pictures: size(count)?,
            shape: [size(channels)?, size(height)?, size(width)?],
        };
        let (order, variations, ops) = (&self.order, &self.variations, &self.ops);
        for &it in &self.stages.launches {
            let (batch, threads) = self.stages.told(it, &sizes);
            match it {
                Launch::Means { from } => {
                    let source = bytes(pictures, &self.buffers, from);
                    launch!(
                        device,
                        f32,
                        "pictures_means",
                        threads,
                        &source,
                        &mut self.means,
                        order,
                        step,
                        &batch
                    );
                }
                Launch::Vary { from, to, .. } => {
                    let [zero, one] = &mut self.buffers;
                    let (old, new) = if to == 0 { (&*one, zero) } else { (&*zero, one) };
                    let source =
                        if from == Bytes::Dataset { pictures.pixels.as_view() } else { old.as_view() };
                    launch!(
                        device,
                        f32,
                        "pictures_vary",
                        threads,
                        &source,
                        new,
                        &self.means,
                        order,
                        variations,
                        ops,
                        step,
                        &batch
                    );
                }
                Launch::Noise { buffer, .. } => {
                    let to = &mut self.buffers[buffer];
                    let levels = &self.levels;
                    launch!(
                        device,
                        f32,
                        "pictures_noise",
                        threads,
                        to,
                        levels,
                        variations,
                        ops,
                        step,
                        &batch
                    );
                }
                Launch::Finish { from, .. } => {
                    let source = bytes(pictures, &self.buffers, from);
                    launch!(
                        device,
                        R,
                        "pictures_finish",
                        threads,
                        &source,
                        &mut *images,
                        &self.means,
                        order,
                        variations,
                        ops,
                        step,
                        &pictures.labels,
                        &mut *labels,
                        &batch
                    );
                }
            }
        }
        Ok(())
    }
}

/// What a kernel takes.
fn bytes<'a>(pictures: &'a DevicePictures, buffers: &'a [CudaSlice<u8>; 2], from: Bytes) -> CudaView<'a, u8> {
    match from {
        Bytes::Dataset => pictures.pixels.as_view(),
        Bytes::Buffer(buffer) => buffers[buffer].as_view(),
    }
}
