//! A network's answers to pictures on a CUDA device.

use std::sync::Arc;

use candle_core::Result;
use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::Variations;
use super::layers::{Layers, Number, Rooms};
use super::stages::Stage;
use crate::cuda::dense::Products;
use crate::cuda::launch::unwritten;
use crate::cuda::pictures::{DeviceBatches, DevicePictures};
use crate::cuda::step;

/// Pictures in a batch.
const BATCH: usize = 512;

/// Layers, forward only, with rooms for so many pictures, which come as they are.
pub(super) struct Evaluation<R> {
    /// Whole batches, and the rest of the pictures.
    layers: Vec<Layers<R>>,
    rooms: Rooms<R>,
    batches: DeviceBatches,
    pictures: usize,
    batch: usize,
    /// Numbers of an image.
    values: usize,
    labels: CudaSlice<u32>,
    logits: CudaSlice<f32>,
}

impl<R: Number> Evaluation<R> {
    /// Rooms to answer so many of these pictures.
    pub(super) fn new(
        device: &CudaDevice,
        stages: &[Stage],
        all: &Arc<DevicePictures>,
        pictures: usize,
        rounds: bool,
    ) -> Result<Self> {
        let batch = pictures.clamp(1, BATCH);
        let sizes = [batch, pictures % batch].into_iter().filter(|&size| size > 0);
        let layers: Vec<Layers<R>> =
            sizes.map(|size| Layers::new(device, stages, size, rounds)).collect::<Result<_>>()?;
        Ok(Self {
            rooms: Rooms::new(device, &layers, false)?,
            batches: DeviceBatches::new(all, &Variations::default(), batch, pictures)?,
            labels: device.alloc_zeros(batch)?,
            logits: unwritten(device, layers.iter().map(Layers::logits).max().unwrap_or(0))?,
            values: all.values(),
            layers,
            pictures,
            batch,
        })
    }

    /// How many pictures these rooms are for.
    pub(super) fn pictures(&self) -> usize {
        self.pictures
    }

    /// Logits (N, CLASSES) of the pictures at these places of the dataset.
    pub(super) fn logits(
        &mut self,
        device: &CudaDevice,
        products: &Products,
        working: &CudaSlice<R>,
        places: &[u32],
    ) -> Result<Vec<f32>> {
        let Self { layers, rooms, batches, labels, logits, batch, values, .. } = self;
        batches.begin_epoch(places, &[])?;
        let mut step = device.alloc_zeros::<u32>(1)?;
        let mut all = Vec::new();
        for (number, places) in (0u32..).zip(places.chunks(*batch)) {
            let Some(layers) = layers.iter().find(|layers| layers.batch() == places.len()) else {
                candle_core::bail!("a batch of {} pictures was not expected", places.len())
            };
            device.memcpy_htod(&[number], &mut step)?;
            let mut images = rooms.outputs[0].slice_mut(..places.len() * *values);
            batches.enqueue(&step, places.len(), &mut images, labels)?;
            layers.forward(device, products, working, rooms)?;
            if let Some(last) = rooms.outputs.last() {
                let len = layers.logits();
                step::widen(device, &last.slice(..len), &mut logits.slice_mut(..len))?;
                all.extend(device.clone_dtoh(&logits.slice(..len))?);
            }
        }
        Ok(all)
    }
}
