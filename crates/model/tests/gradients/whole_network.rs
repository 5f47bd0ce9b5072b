//! The tutorial's whole network: loss, logits and the gradient of every parameter.

use candle_core::{Device, Tensor};
use kernels::Simd;
use model::{Architecture, Network, Parameter, Training};
use streams::Seed;

use crate::naive::{Conv, cross_entropy, differences, greatest, relu, windows};
use crate::{devices, doubles, error, numbers};

const BATCH: usize = 3;
const LABELS: [u32; BATCH] = [3, 8, 0];

/// The network in `f64`: five layers with weights, the first two of them with pooling after them.
struct Reference {
    layers: Vec<Conv>,
    /// Kernel and bias of each.
    parameters: Vec<[Vec<f64>; 2]>,
    /// `(B, H, W, C)`.
    images: Vec<f64>,
}

/// What comes of a layer on the way forward.
struct Trace {
    input: Vec<f64>,
    sums: Vec<f64>,
    /// Where the elements of its result come from, if it has pooling.
    pooled: Option<Vec<usize>>,
}

impl Reference {
    fn new(network: &Network, images: &[f32]) -> Self {
        let conv = |input, filters| Conv { input, kernel: [3, 3], filters, stride: 1, padding: 0 };
        let layers = vec![
            conv([32, 32, 3], 32),
            conv([15, 15, 32], 64),
            conv([6, 6, 64], 64),
            Conv::dense(1024, 64),
            Conv::dense(64, 10),
        ];
        let values = network.values().unwrap();
        let of = |parameter: &Parameter| doubles(parameter.of(&values));
        let parameters =
            network.parameters().chunks_exact(2).map(|pair| [of(&pair[0]), of(&pair[1])]).collect();
        let images = crate::naive::permute(&doubles(images), &[BATCH, 3, 32, 32], &[0, 2, 3, 1]);
        Self { layers, parameters, images }
    }

    /// The logits, and what each layer leaves.
    fn forward(&self) -> (Vec<f64>, Vec<Trace>) {
        let (mut x, mut traces) = (self.images.clone(), Vec::new());
        for (i, (layer, [w, bias])) in self.layers.iter().zip(&self.parameters).enumerate() {
            let sums = layer.forward(BATCH, &x, w, bias);
            let y = if i == 4 { sums.clone() } else { relu(&sums) };
            let pooled = (i < 2).then(|| greatest(&y, &windows(BATCH, layer.output(), [2, 2], [2, 2])));
            let y = match &pooled {
                Some(places) => places.iter().map(|place| y[*place]).collect(),
                None => y,
            };
            traces.push(Trace { input: std::mem::replace(&mut x, y), sums, pooled });
        }
        (x, traces)
    }

    fn loss(&self) -> f64 {
        cross_entropy(&self.forward().0, &LABELS, 0.0).0
    }

    /// The gradients of kernel and bias of each layer.
    fn gradients(&self) -> Vec<[Vec<f64>; 2]> {
        let (logits, traces) = self.forward();
        let (_, mut dy) = cross_entropy(&logits, &LABELS, 0.0);
        let mut gradients = Vec::new();
        for (i, trace) in traces.iter().enumerate().rev() {
            if let Some(places) = &trace.pooled {
                let mut before = vec![0.0; trace.sums.len()];
                places.iter().zip(&dy).for_each(|(place, dy)| before[*place] += dy);
                dy = before;
            }
            if i < 4 {
                dy.iter_mut().zip(&trace.sums).for_each(|(dy, sum)| *dy *= f64::from(u8::from(*sum > 0.0)));
            }
            let [dx, dw, bias] = self.layers[i].backward(BATCH, &trace.input, &self.parameters[i][0], &dy);
            gradients.push([dw, bias]);
            dy = dx;
        }
        gradients.reverse();
        gradients
    }
}

fn network(device: &Device, simd: Simd) -> Network {
    let network = Network::new(&Architecture::tutorial(), Seed(5), device, simd).unwrap();
    let noise = numbers(network.parameter_count(), 6);
    let values: Vec<f32> = network.values().unwrap().iter().zip(noise).map(|(w, n)| w + 0.02 * n).collect();
    network.set_values(&values).unwrap();
    network
}

fn images() -> Vec<f32> {
    numbers(BATCH * 3072, 7).iter().map(|x| (x + 1.0) / 2.0).collect()
}

/// The backward pass of the reference is itself right: its slopes are those of its loss.
#[test]
fn the_reference_agrees_with_finite_differences() {
    let mut reference = Reference::new(&network(&Device::Cpu, Simd::best()), &images());
    let gradients = reference.gradients();
    for (layer, pair) in gradients.iter().enumerate() {
        for (kind, exact) in pair.iter().enumerate() {
            let places = [0, exact.len() / 3, exact.len() - 1];
            let values = reference.parameters[layer][kind].clone();
            let cell = std::cell::RefCell::new(&mut reference);
            let slopes = differences(&values, places, |values| {
                let mut reference = cell.borrow_mut();
                reference.parameters[layer][kind].copy_from_slice(values);
                reference.loss()
            });
            reference.parameters[layer][kind] = values;
            let largest = exact.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
            for (place, slope) in places.iter().zip(slopes) {
                let off = (slope - exact[*place]).abs() / largest;
                assert!(off < 1e-5, "layer {layer}, {kind}, place {place}: {slope}, {}", exact[*place]);
            }
        }
    }
}

#[test]
fn loss_logits_and_gradients_agree_with_f64() {
    let pixels = images();
    let reference = Reference::new(&network(&Device::Cpu, Simd::best()), &pixels);
    let (exact_logits, _) = reference.forward();
    let (exact_loss, exact) = (reference.loss(), reference.gradients().concat());
    let cpu = Simd::available().into_iter().map(|simd| (Device::Cpu, simd));
    let others = devices().into_iter().filter(|device| !device.is_cpu()).map(|device| (device, Simd::best()));
    for (device, simd) in cpu.chain(others) {
        let images = Tensor::from_slice(&pixels, (BATCH, 3, 32, 32), &device).unwrap();
        let labels = Tensor::new(&LABELS, &device).unwrap();
        let network = network(&device, simd);
        let check = |name: &str, found: &[f32], exact: &[f64]| {
            let error = error(found, exact);
            assert!(error < 1e-5, "{:?} {simd:?}, {name}: {error:e} of the largest", device.location());
            error
        };
        let flat = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let at_once = check("logits", &flat(&network.logits(&images).unwrap()), &exact_logits);
        let layers = check("logits by layers", &flat(&network.forward(&images).unwrap()), &exact_logits);
        let loss = network.loss(&images, &labels, &Training::default()).unwrap().mean;
        check("loss", &[loss.to_scalar().unwrap()], &[exact_loss]);
        let gradient = flat(loss.backward().unwrap().get(network.weights()).unwrap());
        let errors = network.parameters().iter().zip(&exact).map(|(parameter, exact)| {
            (check(&parameter.path(), parameter.of(&gradient), exact), parameter.path())
        });
        let worst = errors.fold((0.0, String::new()), |a, b| if b.0 > a.0 { b } else { a });
        println!(
            "{simd:?}: logits {:.1e}, worst gradient {:.1e} ({}) of the largest",
            at_once.max(layers),
            worst.0,
            worst.1
        );
    }
}
