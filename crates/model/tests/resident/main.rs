//! Training on a device against training step by step on the CPU; for the features of CUDA, and where there is a device.

#![cfg(feature = "cudnn")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::{Device, Tensor};
use kernels::Simd;
use model::optimizer::{Optimizer, OptimizerSettings, clip_global_norm, gradient_of};
use model::resident::{Outcome, Pictures, Plan, Resident, Settings, Variations};
use model::{Activation, Architecture, Layer, Network, Padding, Precision, Training};
use streams::{Purpose, Seed};

/// Pictures of a dataset, and of them those of an epoch.
const ALL: usize = 50;
const EPOCH: usize = 40;
const BATCH: usize = 16;
const SHAPE: [usize; 3] = [3, 12, 10];
const VALUES: usize = 3 * 12 * 10;
const RATE: f64 = 0.01;

/// The only CUDA device, where there is one, for one test at a time: a GPU ends captures of one thread where another
/// opens the device.
fn device() -> Option<(MutexGuard<'static, ()>, Device)> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let device = model::cuda_device(0);
    if let Err(error) = &device {
        assert!(std::env::var_os("TESTS_NEED_CUDA").is_none(), "no CUDA device: {error}");
        println!("nothing is tested: no CUDA device: {error}");
    }
    Some((alone, device.ok()?))
}

/// Layers of all kinds that train on a device.
fn architecture() -> Architecture {
    let conv = |filters, kernel, stride, padding, activation| Layer::Conv2d {
        filters,
        kernel,
        stride,
        padding,
        bias: true,
        activation,
    };
    let dense = |units, activation| Layer::Dense { units: Some(units), bias: true, activation };
    let layers = [
        conv(6, [3, 3], [1, 1], Padding::Same, Activation::Relu),
        Layer::MaxPool2d { window: [2, 2], stride: None },
        conv(5, [2, 3], [1, 1], Padding::Valid, Activation::Relu),
        Layer::AvgPool2d { window: [2, 2], stride: Some([1, 1]) },
        conv(4, [1, 1], [2, 1], Padding::Valid, Activation::Linear),
        Layer::Flatten,
        dense(9, Activation::Relu),
        dense(10, Activation::Linear),
    ];
    Architecture::new("all", [12, 10, 3], &layers).unwrap()
}

struct Data {
    pixels: Vec<u8>,
    labels: Vec<u8>,
    order: Vec<u32>,
    /// Whether each picture of the epoch is mirrored.
    mirrored: Vec<i32>,
}

impl Data {
    fn draw(epoch: u64) -> Self {
        let mut stream = Seed(3).stream(Purpose::new("test"), 0, 0);
        let pixels = (0..ALL * VALUES).map(|_| stream.bits() as u8).collect();
        let labels = (0..ALL).map(|_| stream.below(10) as u8).collect();
        let mut order: Vec<u32> = (0..ALL as u32).collect();
        let mut stream = Seed(3).stream(Purpose::new("order"), epoch, 0);
        stream.shuffle(&mut order);
        order.truncate(EPOCH);
        let mirrored = (0..EPOCH).map(|_| stream.below(2) as i32).collect();
        Self { pixels, labels, order, mirrored }
    }

    fn plan(&self) -> Plan<'_> {
        Plan { order: &self.order, variations: &self.mirrored }
    }

    fn pictures(&self) -> Pictures<'_> {
        Pictures { shape: SHAPE, pixels: &self.pixels, labels: &self.labels }
    }

    /// A picture as numbers.
    fn image(&self, place: u32, mirrored: bool) -> Vec<f32> {
        let picture = &self.pixels[place as usize * VALUES..][..VALUES];
        let rows = picture.chunks_exact(SHAPE[2]).flat_map(|row| {
            let mut row = row.to_vec();
            if mirrored {
                row.reverse();
            }
            row
        });
        rows.map(|byte| f32::from(byte) / 255.0).collect()
    }

    /// A batch as candle's tensors on the CPU.
    fn batch(&self, step: usize) -> (Tensor, Tensor) {
        let places: Vec<usize> = (0..EPOCH).skip(step * BATCH).take(BATCH).collect();
        let images: Vec<f32> =
            places.iter().flat_map(|&i| self.image(self.order[i], self.mirrored[i] == 1)).collect();
        let labels: Vec<u32> =
            places.iter().map(|&i| u32::from(self.labels[self.order[i] as usize])).collect();
        let [c, h, w] = SHAPE;
        let images = Tensor::from_vec(images, (places.len(), c, h, w), &Device::Cpu).unwrap();
        (images, Tensor::new(&labels[..], &Device::Cpu).unwrap())
    }
}

fn network(device: &Device) -> Network {
    Network::new(&architecture(), Seed(5), device, Simd::best()).unwrap()
}

/// How something is trained.
#[derive(Clone, Copy)]
struct How {
    optimizer: OptimizerSettings,
    clip_norm: Option<f64>,
    label_smoothing: f64,
    precision: Precision,
    graphs: bool,
    /// Steps that are asked for at a time.
    at_a_time: usize,
}

impl How {
    fn adam() -> Self {
        Self {
            optimizer: OptimizerSettings::adam(Default::default()),
            clip_norm: None,
            label_smoothing: 0.1,
            precision: Precision::F32,
            graphs: true,
            at_a_time: 2,
        }
    }
}

/// Losses, right answers, weights, gradient, and logits of some pictures.
#[derive(Debug, PartialEq)]
struct Trained {
    outcomes: Vec<Outcome>,
    weights: Vec<f32>,
    gradient: Vec<f32>,
    logits: Vec<f32>,
    steps: u64,
}

/// Places of pictures to be answered.
fn asked() -> Vec<u32> {
    (0..ALL as u32).rev().collect()
}

fn resident(network: &Network, data: &Data, how: &How) -> Resident {
    let settings = Settings {
        batch: BATCH,
        pictures: EPOCH,
        label_smoothing: how.label_smoothing,
        clip_norm: how.clip_norm,
        precision: how.precision,
        variations: Variations { codes: &[0], levels: &[] },
        graphs: how.graphs,
    };
    Resident::new(network, &data.pictures(), &settings).unwrap().unwrap()
}

/// Two epochs; `resume`: the second one begins at its second step, after the first was made by another call.
fn on_device(device: &Device, how: &How) -> Trained {
    let network = network(device);
    let mut optimizer = Optimizer::new(&network, &how.optimizer).unwrap();
    let mut training = resident(&network, &Data::draw(0), how);
    let mut outcomes = Vec::new();
    for epoch in 0..2 {
        let data = Data::draw(epoch);
        training.begin(&data.plan(), 0).unwrap();
        for rates in [RATE; EPOCH.div_ceil(BATCH)].chunks(how.at_a_time) {
            outcomes.extend(training.steps(&network, &mut optimizer, rates).unwrap());
        }
    }
    assert_eq!(training.is_captured(), how.graphs);
    Trained {
        outcomes,
        weights: network.values().unwrap(),
        gradient: training.gradient().unwrap(),
        logits: training.logits(&network, &asked()).unwrap(),
        steps: optimizer.steps(),
    }
}

fn on_cpu(how: &How) -> Trained {
    let network = network(&Device::Cpu);
    let mut optimizer = Optimizer::new(&network, &how.optimizer).unwrap();
    let (mut outcomes, mut last) = (Vec::new(), Vec::new());
    for epoch in 0..2 {
        let data = Data::draw(epoch);
        for step in 0..EPOCH.div_ceil(BATCH) {
            let (images, labels) = data.batch(step);
            let training = Training { label_smoothing: how.label_smoothing, ..Training::default() };
            let loss = network.loss(&images, &labels, &training).unwrap();
            let (mean, correct, pictures) =
                (loss.mean.to_scalar().unwrap(), loss.correct, images.dim(0).unwrap());
            outcomes.push(Outcome { loss: mean, correct, pictures });
            let mut gradient = gradient_of(&network, &loss.mean.backward().unwrap()).unwrap();
            if let Some(longest) = how.clip_norm {
                gradient = clip_global_norm(&gradient, longest).unwrap().0;
            }
            last = gradient.to_vec1().unwrap();
            optimizer.step(&network, &gradient, RATE).unwrap();
        }
    }
    let data = Data::draw(0);
    let images: Vec<f32> = asked().into_iter().flat_map(|place| data.image(place, false)).collect();
    let images = Tensor::from_vec(images, (ALL, 3, 12, 10), &Device::Cpu).unwrap();
    Trained {
        outcomes,
        weights: network.values().unwrap(),
        gradient: last,
        logits: network.logits(&images).unwrap().flatten_all().unwrap().to_vec1().unwrap(),
        steps: optimizer.steps(),
    }
}

/// The largest difference, in parts of the largest number.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(0f32, |most, x| most.max(x.abs()));
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
}

#[track_caller]
fn check(name: &str, found: &Trained, expected: &Trained, limit: f32) {
    let losses = |trained: &Trained| trained.outcomes.iter().map(|it| it.loss).collect::<Vec<_>>();
    let differences = [
        difference(&losses(found), &losses(expected)),
        difference(&found.weights, &expected.weights),
        difference(&found.gradient, &expected.gradient),
        difference(&found.logits, &expected.logits),
    ];
    println!("{name}: losses, weights, gradient, logits differ by {differences:?}");
    assert!(differences.iter().all(|&difference| difference < limit), "{name}: {differences:?}");
    assert_eq!(found.steps, expected.steps, "{name}");
    let pictures = |trained: &Trained| trained.outcomes.iter().map(|it| it.pictures).collect::<Vec<_>>();
    assert_eq!(pictures(found), pictures(expected), "{name}");
}

#[test]
fn steps_are_those_of_the_cpu() {
    let Some((_alone, device)) = device() else { return };
    let adam = How::adam();
    let (sgd, decayed) = (OptimizerSettings::sgd, OptimizerSettings::adamw(Default::default(), 0.3));
    for (name, how) in [
        ("Adam", adam),
        ("AdamW", How { optimizer: decayed, label_smoothing: 0.0, ..adam }),
        ("SGD", How { optimizer: sgd(0.0, false, 0.1), ..adam }),
        ("momentum", How { optimizer: sgd(0.9, false, 0.0), ..adam }),
        ("Nesterov", How { optimizer: sgd(0.9, true, 0.1), ..adam }),
        ("short gradients", How { optimizer: sgd(0.0, false, 0.0), clip_norm: Some(0.05), ..adam }),
        ("long gradients", How { clip_norm: Some(1e3), ..adam }),
    ] {
        let (found, expected) = (on_device(&device, &how), on_cpu(&how));
        check(name, &found, &expected, 2e-5);
        let correct = |trained: &Trained| trained.outcomes.iter().map(|it| it.correct).collect::<Vec<_>>();
        assert_eq!(correct(&found), correct(&expected), "{name}");
    }
}

#[test]
fn the_same_bits_by_graphs_or_without_in_any_portions() {
    let Some((_alone, device)) = device() else { return };
    let expected = on_device(&device, &How::adam());
    for how in [
        How { graphs: false, ..How::adam() },
        How { at_a_time: 1, ..How::adam() },
        How { at_a_time: 3, ..How::adam() },
    ] {
        assert_eq!(on_device(&device, &how), expected);
    }
}

#[test]
fn an_epoch_can_be_taken_up_in_its_middle() {
    let Some((_alone, device)) = device() else { return };
    let (how, data) = (How::adam(), Data::draw(0));
    let run = |stopped: bool| {
        let network = network(&device);
        let mut optimizer = Optimizer::new(&network, &how.optimizer).unwrap();
        let mut training = resident(&network, &data, &how);
        training.begin(&data.plan(), 0).unwrap();
        training.steps(&network, &mut optimizer, &[RATE; 2]).unwrap();
        if stopped {
            let state = optimizer.state().unwrap();
            optimizer = Optimizer::new(&network, &how.optimizer).unwrap();
            optimizer.restore(&state).unwrap();
            training = resident(&network, &data, &how);
            training.begin(&data.plan(), 2).unwrap();
        }
        let outcomes = training.steps(&network, &mut optimizer, &[RATE]).unwrap();
        (outcomes, network.values().unwrap(), optimizer.state().unwrap())
    };
    assert_eq!(run(true), run(false));
}

/// The weights of another network change what a captured step must do.
#[test]
fn weights_may_be_set_between_steps() {
    let Some((_alone, device)) = device() else { return };
    let (how, data) = (How::adam(), Data::draw(0));
    let network = network(&device);
    let before = network.values().unwrap();
    let mut optimizer = Optimizer::new(&network, &how.optimizer).unwrap();
    let mut training = resident(&network, &data, &how);
    let mut round = |optimizer: &mut Optimizer| {
        training.begin(&data.plan(), 0).unwrap();
        training.steps(&network, optimizer, &[RATE; 3]).unwrap()
    };
    let first = round(&mut optimizer);
    network.set_values(&before).unwrap();
    // Moments that lie elsewhere.
    let mut another = Optimizer::new(&network, &how.optimizer).unwrap();
    assert_eq!(round(&mut another), first);
}

/// What was captured with one optimizer is not launched for another, wherever its moments lie.
#[test]
fn another_optimizer_makes_other_steps() {
    let Some((_alone, device)) = device() else { return };
    let data = Data::draw(0);
    let run = |graphs: bool| {
        let (network, how) = (network(&device), How { graphs, ..How::adam() });
        let mut training = resident(&network, &data, &how);
        let sgd = |momentum, nesterov| OptimizerSettings::sgd(momentum, nesterov, 0.0);
        let mut outcomes = Vec::new();
        for settings in [how.optimizer, sgd(0.9, false), sgd(0.9, true), sgd(0.5, true), sgd(0.0, false)] {
            let mut optimizer = Optimizer::new(&network, &settings).unwrap();
            for _ in 0..2 {
                training.begin(&data.plan(), 0).unwrap();
                outcomes.extend(training.steps(&network, &mut optimizer, &[RATE; 3]).unwrap());
            }
        }
        (outcomes, network.values().unwrap())
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn a_loss_that_is_no_number_halts() {
    let Some((_alone, device)) = device() else { return };
    let (how, data) = (How::adam(), Data::draw(0));
    let network = network(&device);
    let mut optimizer = Optimizer::new(&network, &how.optimizer).unwrap();
    let mut training = resident(&network, &data, &how);
    training.begin(&data.plan(), 0).unwrap();
    // After a step at this rate, the next loss is none.
    let outcomes = training.steps(&network, &mut optimizer, &[1e30, RATE, RATE]).unwrap();
    assert_eq!(outcomes.len(), 2, "{outcomes:?}");
    assert!(outcomes[0].loss.is_finite() && !outcomes[1].loss.is_finite(), "{outcomes:?}");
    assert_eq!(optimizer.steps(), 1);
    assert!(network.values().unwrap().iter().all(|weight| weight.is_finite()));
}

#[test]
fn rounded_numbers_train_nearly_the_same() {
    let Some((_alone, device)) = device() else { return };
    let sgd = OptimizerSettings::sgd(0.0, false, 0.0);
    let how = How { optimizer: sgd, ..How::adam() };
    let exact = on_cpu(&how);
    check("bf16", &on_device(&device, &How { precision: Precision::Bf16, ..how }), &exact, 0.1);
    let rounded = on_device(&device, &How { precision: Precision::Tf32, ..how });
    check("tf32", &rounded, &exact, 5e-3);
}

#[test]
fn what_does_not_fit_is_told() {
    let Some((_alone, device)) = device() else { return };
    let (how, data) = (How::adam(), Data::draw(0));
    let network = network(&device);
    let mut training = resident(&network, &data, &how);
    let mut optimizer = Optimizer::new(&network, &how.optimizer).unwrap();
    let beyond = Plan { order: &[ALL as u32; EPOCH], ..data.plan() };
    let error = training.begin(&beyond, 0).unwrap_err().to_string();
    assert!(error.contains("there is no picture 50 among 50"), "{error}");
    training.begin(&data.plan(), 0).unwrap();
    let error = training.steps(&network, &mut optimizer, &[RATE; 4]).unwrap_err().to_string();
    assert!(error.contains("step 4 of an epoch of 3"), "{error}");
    let wrong = Pictures { shape: [3, 10, 12], ..data.pictures() };
    let settings = Settings {
        batch: BATCH,
        pictures: EPOCH,
        label_smoothing: 0.0,
        clip_norm: None,
        precision: Precision::F32,
        variations: Variations::default(),
        graphs: true,
    };
    let error = Resident::new(&network, &wrong, &settings).unwrap_err().to_string();
    assert!(error.contains("pictures of [3, 10, 12], expected [3, 12, 10]"), "{error}");
    let cpu = network_on_cpu();
    assert!(Resident::new(&cpu, &data.pictures(), &settings).unwrap().is_none());
}

fn network_on_cpu() -> Network {
    network(&Device::Cpu)
}
