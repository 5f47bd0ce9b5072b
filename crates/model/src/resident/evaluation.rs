//! A network's answers to pictures on a CUDA device.

use candle_core::Result;
use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::layers::{Layers, Number, Rooms};
use super::stages::Stage;
use crate::cuda::dense::Products;
use crate::cuda::launch::unwritten;
use crate::cuda::pictures::DevicePictures;
use crate::cuda::step;

/// Pictures in a batch.
const BATCH: usize = 512;

/// Layers, forward only, with their rooms.
pub(super) struct Evaluation<R> {
    /// Whole batches, and the rest of some pictures: made when they are asked for.
    layers: Vec<Layers<R>>,
    stages: Vec<Stage>,
    rooms: Rooms<R>,
    logits: CudaSlice<f32>,
    batch: usize,
}

impl<R: Number> Evaluation<R> {
    /// Rooms to answer so many pictures at a time, or fewer.
    pub(super) fn new(device: &CudaDevice, stages: &[Stage], pictures: usize) -> Result<Self> {
        let batch = pictures.clamp(1, BATCH);
        let layers = vec![Layers::new(device, stages, batch)?];
        Ok(Self {
            rooms: Rooms::new(device, &layers, false)?,
            logits: unwritten(device, layers[0].logits())?,
            layers,
            stages: stages.to_vec(),
            batch,
        })
    }

    /// Logits (N, CLASSES) of the pictures at these places of the dataset.
    pub(super) fn logits(
        &mut self,
        device: &CudaDevice,
        products: &Products,
        pictures: &DevicePictures,
        working: &CudaSlice<R>,
        places: &[u32],
    ) -> Result<Vec<f32>> {
        let mut all = Vec::new();
        for places in places.chunks(self.batch) {
            let layers = self.layers_for(device, places.len())?;
            let Self { layers: made, rooms, logits, .. } = self;
            let layers = &made[layers];
            let images = places.len() * pictures.values();
            pictures.plain(device, places, &mut rooms.outputs[0].slice_mut(..images))?;
            layers.forward(device, products, working, rooms)?;
            if let Some(last) = rooms.outputs.last() {
                let len = layers.logits();
                step::widen(device, &last.slice(..len), &mut logits.slice_mut(..len))?;
                all.extend(device.clone_dtoh(&logits.slice(..len))?);
            }
        }
        Ok(all)
    }

    /// The place of the layers for so many pictures, made where there are none yet.
    fn layers_for(&mut self, device: &CudaDevice, pictures: usize) -> Result<usize> {
        if let Some(place) = self.layers.iter().position(|layers| layers.batch() == pictures) {
            return Ok(place);
        }
        self.layers.push(Layers::new(device, &self.stages, pictures)?);
        // A smaller batch may need more space.
        self.rooms = Rooms::new(device, &self.layers, false)?;
        Ok(self.layers.len() - 1)
    }
}
