//! The stages of a network on a CUDA device, forward and back, in rooms that are made beforehand: nothing is asked of the
//! device while they run, so that they can be captured. Knows nothing of pictures, losses or optimizers.

use candle_core::Result;
use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::CudaSlice;

use super::stages::{Own, Pooling, Stage, Work};
use crate::cuda::convolution::{Convolution, Convolved, Sizes, working_space};
use crate::cuda::dense::{Dense, Multiplied, Products};
use crate::cuda::launch::{self, parts, unwritten};
use crate::cuda::pools::{self, PoolSizes};
use crate::cuda::step;

/// A stored number that all libraries take.
pub(super) trait Number: Convolved + Multiplied {}

impl<R: Convolved + Multiplied> Number for R {}

/// The stages for batches of one size.
pub(super) struct Layers<R> {
    batch: usize,
    stages: Vec<Stage>,
    /// Of the stages that are convolutions.
    convolutions: Vec<Option<Convolution<R>>>,
}

/// Rooms for what stages leave to each other, for batches up to a size.
pub(super) struct Rooms<R> {
    /// The pictures, and what each stage gives.
    pub(super) outputs: Vec<CudaSlice<R>>,
    /// Their gradients.
    pub(super) gradients: Vec<CudaSlice<R>>,
    partial: CudaSlice<f32>,
    space: CudaSlice<u8>,
}

/// A network's numbers as layers read and write them.
pub(super) struct Parameters<R> {
    pub(super) working: CudaSlice<R>,
    pub(super) gradient: CudaSlice<R>,
}

impl<R: Number> Parameters<R> {
    pub(super) fn new(device: &CudaDevice, len: usize) -> Result<Self> {
        Ok(Self { working: device.alloc_zeros(len)?, gradient: device.alloc_zeros(len)? })
    }
}

impl<R: Number> Rooms<R> {
    /// Rooms for all of these layers; with gradients where they go backwards.
    pub(super) fn new(device: &CudaDevice, layers: &[Layers<R>], backwards: bool) -> Result<Self> {
        let batch = layers.iter().map(|layers| layers.batch).max().unwrap_or(0);
        let stages = layers.first().map_or(&[][..], |layers| &layers.stages[..]);
        let input = stages.first().map(|stage| stage.input);
        let shapes = input.into_iter().chain(stages.iter().map(|stage| stage.output));
        let lengths: Vec<usize> = shapes.map(|shape| batch * numbers(shape)).collect();
        let rooms = |lengths: &[usize]| -> Result<Vec<_>> {
            lengths.iter().map(|&len| unwritten(device, len)).collect()
        };
        let sums = |layers: &Layers<R>| {
            let of = |stage: &Stage| parts(layers.batch * pixels(stage.output)) * stage.output[0];
            layers.stages.iter().filter(|stage| stage.own().is_some()).map(of).max().unwrap_or(0)
        };
        let mut space = 0;
        for convolution in layers.iter().flat_map(|layers| layers.convolutions.iter().flatten()) {
            let needed = convolution.spaces()?;
            space = space.max(if backwards { needed[0].max(needed[1]).max(needed[2]) } else { needed[0] });
        }
        Ok(Self {
            outputs: rooms(&lengths)?,
            gradients: rooms(if backwards { &lengths } else { &[] })?,
            partial: unwritten(device, layers.iter().map(sums).max().unwrap_or(0))?,
            space: working_space(device, space)?,
        })
    }
}

impl<R: Number> Layers<R> {
    /// Stages for batches of `batch` pictures. `rounds`: factors of f32 may be rounded to ten bits.
    pub(super) fn new(device: &CudaDevice, stages: &[Stage], batch: usize, rounds: bool) -> Result<Self> {
        let described = |stage: &Stage| -> Result<Option<Convolution<R>>> {
            let Work::Convolution { kernel: [kh, kw], stride, zeros, .. } = stage.work else {
                return Ok(None);
            };
            let ([c, h, w], [filters, ..]) = (stage.input, stage.output);
            let sizes = Sizes { input: [batch, c, h, w], weights: [filters, c, kh, kw], stride, zeros };
            Convolution::new(device, &sizes, rounds).map(Some)
        };
        let convolutions = stages.iter().map(described).collect::<Result<_>>()?;
        Ok(Self { batch, stages: stages.to_vec(), convolutions })
    }

    /// Pictures of a batch.
    pub(super) fn batch(&self) -> usize {
        self.batch
    }

    /// Numbers of what the last stage gives.
    pub(super) fn logits(&self) -> usize {
        self.batch * self.stages.last().map_or(0, |stage| numbers(stage.output))
    }

    /// From the pictures to the logits.
    pub(super) fn forward(
        &self,
        device: &CudaDevice,
        products: &Products,
        working: &CudaSlice<R>,
        rooms: &mut Rooms<R>,
    ) -> Result<()> {
        let Rooms { outputs, space, .. } = rooms;
        for (index, stage) in self.stages.iter().enumerate() {
            let (before, after) = outputs.split_at_mut(index + 1);
            let x = before[index].slice(..self.batch * numbers(stage.input));
            let mut y = after[0].slice_mut(..self.batch * numbers(stage.output));
            match &stage.work {
                Work::Convolution { own, .. } => {
                    if let Some(convolution) = &self.convolutions[index] {
                        convolution.forward(&x, &working.slice(own.kernel.clone()), &mut y, space)?;
                    }
                }
                Work::Dense(own) => {
                    let w = working.slice(own.kernel.clone());
                    products.forward(device, self.dense(stage), &x, &w, &mut y)?;
                }
                Work::Pool { pooling: Pooling::Max { .. }, .. } => {
                    let (batch, sizes) = self.pool(stage);
                    pools::max_pool_forward_into(device, batch, &sizes, &x, &mut y)?;
                }
                Work::Pool { pooling: Pooling::Mean, .. } => {
                    let (batch, sizes) = self.pool(stage);
                    pools::avg_pool_forward_into(device, batch, &sizes, &x, &mut y)?;
                }
                Work::ChannelsLast => {
                    let sizes = [self.batch, stage.input[0], pixels(stage.input)];
                    step::transpose(device, sizes, &x, &mut y)?;
                }
            }
            if let Some(Own { bias, relu, .. }) = stage.own().filter(|own| !own.bias.is_empty()) {
                let bias = working.slice(bias.clone());
                launch::bias_activation_into(device, &mut y, &bias, pixels(stage.output), *relu)?;
            }
        }
        Ok(())
    }

    /// From the gradient of the logits to those of all weights. Gradients of pictures are left out.
    pub(super) fn backward(
        &self,
        device: &CudaDevice,
        products: &Products,
        parameters: &mut Parameters<R>,
        rooms: &mut Rooms<R>,
    ) -> Result<()> {
        let Rooms { outputs, gradients, partial, space } = rooms;
        let Parameters { working, gradient } = parameters;
        let Some(first) = self.stages.iter().position(|stage| stage.own().is_some()) else { return Ok(()) };
        for (index, stage) in self.stages.iter().enumerate().skip(first).rev() {
            let (before, after) = gradients.split_at_mut(index + 1);
            let inputs = self.batch * numbers(stage.input);
            let outcomes = self.batch * numbers(stage.output);
            let mut dx = (index > first).then(|| before[index].slice_mut(..inputs));
            let (x, y) = (outputs[index].slice(..inputs), outputs[index + 1].slice(..outcomes));
            let dy = &mut after[0];
            if let Some(own) = stage.own() {
                if own.relu && !own.relu_is_undone {
                    launch::relu_backward_into(device, &y, &mut dy.slice_mut(..outcomes))?;
                }
                if !own.bias.is_empty() {
                    let mut db = gradient.slice_mut(own.bias.clone());
                    let dy = dy.slice(..outcomes);
                    launch::sum_places_into(device, &dy, pixels(stage.output), partial, &mut db)?;
                }
            }
            let dy = dy.slice(..outcomes);
            match (&stage.work, &self.convolutions[index]) {
                (Work::Convolution { own, .. }, Some(convolution)) => {
                    let mut dw = gradient.slice_mut(own.kernel.clone());
                    convolution.backward_weights(&x, &mut dw, &dy, space)?;
                    if let Some(dx) = &mut dx {
                        convolution.backward_input(dx, &working.slice(own.kernel.clone()), &dy, space)?;
                    }
                }
                (Work::Convolution { .. }, None) => {}
                (Work::Dense(own), _) => {
                    let sizes = self.dense(stage);
                    let mut dw = gradient.slice_mut(own.kernel.clone());
                    products.backward_weights(device, sizes, &x, &mut dw, &dy)?;
                    if let Some(dx) = &mut dx {
                        let w = working.slice(own.kernel.clone());
                        products.backward_input(device, sizes, dx, &w, &dy)?;
                    }
                }
                (Work::Pool { pooling, .. }, _) => {
                    let (batch, sizes) = self.pool(stage);
                    match (pooling, &mut dx) {
                        (Pooling::Max { after_relu }, Some(dx)) => {
                            pools::max_pool_backward_into(device, batch, &sizes, [&x, &dy], dx, *after_relu)?;
                        }
                        (Pooling::Mean, Some(dx)) => {
                            pools::avg_pool_backward_into(device, batch, &sizes, &dy, dx)?;
                        }
                        (_, None) => {}
                    }
                }
                (Work::ChannelsLast, _) => {
                    if let Some(dx) = &mut dx {
                        let sizes = [self.batch, pixels(stage.input), stage.input[0]];
                        step::transpose(device, sizes, &dy, dx)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn dense(&self, stage: &Stage) -> Dense {
        Dense { batch: self.batch, inputs: numbers(stage.input), outputs: numbers(stage.output) }
    }

    /// Planes as pictures of one channel.
    fn pool(&self, stage: &Stage) -> (usize, PoolSizes) {
        let (window, stride) = match stage.work {
            Work::Pool { window, stride, .. } => (window, stride),
            _ => ([1, 1], [1, 1]),
        };
        let ([c, h, w], [_, oh, ow]) = (stage.input, stage.output);
        (self.batch * c, PoolSizes { input: [h, w, 1], output: [oh, ow, 1], window, stride })
    }
}

/// Numbers of a picture.
fn numbers(shape: [usize; 3]) -> usize {
    shape.iter().product()
}

/// Numbers of a channel.
fn pixels([_, h, w]: [usize; 3]) -> usize {
    h * w
}
