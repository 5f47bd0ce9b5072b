//! The training that is timed: pictures that lie on the device, and steps on them.

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use kernels::Simd;
use model::optimizer::{Optimizer, OptimizerSettings, gradient_of};
use model::resident::{Pictures, Plan, Resident, Settings, Variations};
use model::{Architecture, Network, Precision, Training};
use streams::{Purpose, Seed};

/// As many as CIFAR-10 has to train on.
const PICTURES: usize = 50_000;
/// Keras' default.
const LEARNING_RATE: f64 = 1e-3;
/// Steps that are asked for at once, as the trainer does it.
const AT_ONCE: usize = 256;

/// A network with the pictures that it is trained on, all on one device.
pub(crate) struct Steps {
    network: Network,
    adam: Optimizer,
    way: Way,
    /// A shuffled order of the pictures, as many as are whole batches.
    order: Vec<u32>,
    batch: usize,
    /// The batch that comes next.
    next: usize,
}

/// How a step is made.
enum Way {
    /// By the device.
    Resident(Box<Resident>),
    /// One by one, on a CPU to try this program.
    OneByOne {
        /// `(N, 3, 32, 32)` `u8`.
        images: Tensor,
        /// `(N)` `u32`.
        labels: Tensor,
    },
}

impl Steps {
    /// The tutorial network on random pictures.
    ///
    /// # Errors
    /// If the device cannot hold it all.
    pub(crate) fn new(device: &Device, batch: usize, precision: Precision) -> Result<Self> {
        let network = Network::new(&Architecture::tutorial(), Seed(0), device, Simd::best())?;
        let adam = Optimizer::new(&network, &OptimizerSettings::adam(kernels::optimizer::Adam::default()))?;
        let count = PICTURES.max(batch);
        let mut random = Seed(0).stream(Purpose::new("speed"), 0, 0);
        let mut words = vec![0; count * 3 * 32 * 32 / 4];
        random.fill(&mut words);
        let pixels: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        let labels: Vec<u8> = (0..count).map(|_| random.below(10) as u8).collect();
        let mut order: Vec<u32> = (0..u32::try_from(count).context("--batch is too large")?).collect();
        random.shuffle(&mut order);
        order.truncate(count / batch * batch);
        let pictures = Pictures { shape: [3, 32, 32], pixels: &pixels, labels: &labels };
        let settings = Settings {
            batch,
            pictures: order.len(),
            label_smoothing: 0.0,
            clip_norm: None,
            precision,
            variations: Variations::default(),
            graphs: true,
        };
        let way = match Resident::new(&network, &pictures, &settings)? {
            Some(resident) => Way::Resident(Box::new(resident)),
            None => {
                ensure!(device.is_cpu(), "this build has no steps on the GPU: build with `--features cudnn`");
                let labels: Vec<u32> = labels.into_iter().map(u32::from).collect();
                let images = Tensor::from_vec(pixels, (count, 3, 32, 32), device)?;
                Way::OneByOne { images, labels: Tensor::from_vec(labels, count, device)? }
            }
        };
        Ok(Self { network, adam, way, order, batch, next: 0 })
    }

    /// Trains so many steps and gives the loss of the last, when it is there.
    ///
    /// # Errors
    /// If the device fails, or if there are no steps.
    pub(crate) fn train(&mut self, count: usize) -> Result<f32> {
        let (mut left, mut loss) = (count, None);
        while left > 0 {
            let until = (self.order.len() / self.batch - self.next).min(left).min(AT_ONCE);
            loss = Some(self.some(until)?);
            (left, self.next) = (left - until, (self.next + until) % (self.order.len() / self.batch));
        }
        loss.context("no steps were asked for")
    }

    /// Whether a step is one launch.
    pub(crate) fn is_captured(&self) -> bool {
        matches!(&self.way, Way::Resident(resident) if resident.is_captured())
    }

    /// Steps of one epoch.
    fn some(&mut self, count: usize) -> Result<f32> {
        let Self { network, adam, way, order, batch, next } = self;
        match way {
            Way::Resident(resident) => {
                if *next == 0 {
                    resident.begin(&Plan { order, variations: &[] }, 0)?;
                }
                let outcomes = resident.steps(network, adam, &vec![LEARNING_RATE; count])?;
                Ok(outcomes.last().context("no steps were made")?.loss)
            }
            Way::OneByOne { images, labels } => {
                let mut loss = f32::NAN;
                for step in *next..*next + count {
                    let chosen = Tensor::new(&order[step * *batch..][..*batch], images.device())?;
                    let pictures = (images.index_select(&chosen, 0)?.to_dtype(DType::F32)? / 255.0)?;
                    let labels = labels.index_select(&chosen, 0)?;
                    let mean = network.loss(&pictures, &labels, &Training::default())?.mean;
                    adam.step(network, &gradient_of(network, &mean.backward()?)?, LEARNING_RATE)?;
                    loss = mean.to_scalar()?;
                }
                Ok(loss)
            }
        }
    }
}
