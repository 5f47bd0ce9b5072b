//! A whole network in one pass against the same network layer by layer, and against itself: the same bits on
//! every instruction set and for every number of threads.

use kernels::Simd;
use kernels::activation::Activation;
use kernels::conv::{Conv2d, InputGradient, Padding};
use kernels::dense::Dense;
use kernels::loss::{self, CrossEntropy};
use kernels::plan::{Outcome, Plan, PlanLayer};
use kernels::pool::MaxPool2d;
use proptest::prelude::*;

use crate::numbers;

const TUTORIAL: [PlanLayer; 7] = [
    PlanLayer::ConvRelu { filters: 32, kernel: [3, 3] },
    PlanLayer::MaxPool2x2,
    PlanLayer::ConvRelu { filters: 64, kernel: [3, 3] },
    PlanLayer::MaxPool2x2,
    PlanLayer::ConvRelu { filters: 64, kernel: [3, 3] },
    PlanLayer::DenseRelu { units: 64 },
    PlanLayer::Logits { classes: 10 },
];

/// For comparing to the last bit, NaN included.
fn bits(outcome: &Outcome) -> (u32, usize, Vec<u32>) {
    (outcome.loss.to_bits(), outcome.correct, outcome.gradient.iter().map(|x| x.to_bits()).collect())
}

/// A network with its batch.
struct Case {
    input: [usize; 3],
    layers: Vec<PlanLayer>,
    parameters: Vec<f32>,
    /// `(B, C, H, W)`.
    images: Vec<f32>,
    labels: Vec<u32>,
}

impl Case {
    fn new(input: [usize; 3], layers: &[PlanLayer], batch: usize, salt: u64) -> Option<Self> {
        let plan = Plan::new(input, layers).unwrap()?;
        let labels = (0..batch).map(|b| ((b as u64 * 7 + salt) % plan.classes() as u64) as u32).collect();
        Some(Self {
            input,
            layers: layers.to_vec(),
            parameters: numbers(plan.parameter_count(), salt).iter().map(|x| x * 0.1).collect(),
            images: numbers(batch * input.iter().product::<usize>(), salt + 1),
            labels,
        })
    }

    fn run(&self, simd: Simd) -> Outcome {
        let plan = Plan::new(self.input, &self.layers).unwrap().unwrap();
        // Twice: the second time in used buffers.
        let first = plan.train(simd, &self.parameters, &self.images, &self.labels, 0.0).unwrap();
        let second = plan.train(simd, &self.parameters, &self.images, &self.labels, 0.0).unwrap();
        assert!(bits(&first) == bits(&second), "used buffers change the result");
        first
    }

    /// The same, layer by layer: loss, right answers, gradient, logits.
    fn layer_by_layer(&self) -> (Outcome, Vec<f32>) {
        let simd = Simd::best();
        let batch = self.labels.len();
        let [h, w, c] = self.input;
        let mut x = vec![0.0; self.images.len()];
        for (i, value) in self.images.iter().enumerate() {
            let (pixel, channel, b) = (i % (h * w), i / (h * w) % c, i / (h * w * c));
            x[(b * h * w + pixel) * c + channel] = *value;
        }
        // What each layer needs on the way back.
        type Back<'a> = Box<dyn Fn(&[f32]) -> (Vec<f32>, Vec<f32>) + 'a>;
        let mut back: Vec<Back> = Vec::new();
        let (mut shape, mut at) = (self.input, 0);
        let (mut flat, mut classes) = (false, 0);
        for layer in &self.layers {
            let input = x.clone();
            match *layer {
                PlanLayer::ConvRelu { filters, kernel } => {
                    let conv =
                        Conv2d::new(shape, filters, kernel, [1, 1], Padding::default(), Activation::Relu)
                            .unwrap();
                    let len = conv.weight_shape().iter().product::<usize>();
                    let (weights, bias) = self.parameters[at..][..len + filters].split_at(len);
                    at += len + filters;
                    x = conv.forward(simd, batch, &input, weights, bias).unwrap();
                    shape = conv.output_shape();
                    let y = x.clone();
                    back.push(Box::new(move |dy| {
                        let g = conv
                            .backward(simd, batch, &input, weights, &y, dy, InputGradient::Needed)
                            .unwrap();
                        (g.input.unwrap(), [g.weights, g.bias].concat())
                    }));
                }
                PlanLayer::MaxPool2x2 => {
                    let pool = MaxPool2d::new(shape, [2, 2], [2, 2]).unwrap();
                    x = pool.forward(batch, &input).unwrap();
                    shape = pool.output_shape();
                    back.push(Box::new(move |dy| (pool.backward(batch, &input, dy).unwrap(), Vec::new())));
                }
                PlanLayer::DenseRelu { units } | PlanLayer::Logits { classes: units } => {
                    let inputs = if flat { classes } else { shape.iter().product() };
                    let last = matches!(layer, PlanLayer::Logits { .. });
                    let activation = if last { Activation::Linear } else { Activation::Relu };
                    (flat, classes) = (true, units);
                    let dense = Dense::new(inputs, units, activation).unwrap();
                    let (weights, bias) =
                        self.parameters[at..][..inputs * units + units].split_at(inputs * units);
                    at += inputs * units + units;
                    x = dense.forward(simd, batch, &input, weights, bias).unwrap();
                    let y = x.clone();
                    back.push(Box::new(move |dy| {
                        let g = dense
                            .backward(simd, batch, &input, weights, &y, dy, InputGradient::Needed)
                            .unwrap();
                        (g.input.unwrap(), [g.weights, g.bias].concat())
                    }));
                }
            }
        }
        let logits = x;
        let entropy = CrossEntropy::new(classes, 0.0).unwrap();
        let mut dy = entropy.backward(&logits, &self.labels, 1.0).unwrap();
        let mut gradients = Vec::new();
        for back in back.iter().rev() {
            let (dx, gradient) = back(&dy);
            gradients.push(gradient);
            dy = dx;
        }
        gradients.reverse();
        let outcome = Outcome {
            loss: entropy.loss(&logits, &self.labels).unwrap(),
            correct: loss::count_correct(classes, &logits, &self.labels).unwrap(),
            gradient: gradients.concat(),
        };
        (outcome, logits)
    }

    fn check(&self) {
        let found = self.run(Simd::best());
        let (expected, logits) = self.layer_by_layer();
        let plan = Plan::new(self.input, &self.layers).unwrap().unwrap();
        let found_logits = plan.logits(Simd::best(), &self.parameters, &self.images).unwrap();
        assert_close("logits", &found_logits, &logits, 2e-6);
        assert_close("loss", &[found.loss], &[expected.loss], 1e-6);
        assert_eq!(found.correct, expected.correct);
        // Both round, and sum in other orders.
        assert_close("gradient", &found.gradient, &expected.gradient, 5e-6);
        for simd in Simd::available() {
            assert!(bits(&self.run(simd)) == bits(&found), "{simd} gives other bits");
        }
    }
}

/// Differences of at most so much of the largest: sums are made in another order.
fn assert_close(what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1e-30f32, |m, x| m.max(x.abs()));
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / scale;
    assert!(worst < tolerance, "{what}: differences of {worst} of the largest");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn networks_of_many_shapes(
        h in 10usize..17, w in 9usize..15, channels in 1usize..6, batch in 1usize..20,
        filters in prop::sample::select(vec![16usize, 32, 48]), deeper in prop::option::of((1usize..4, 1usize..4, any::<bool>())),
        units in prop::collection::vec(1usize..40, 0..2), classes in 2usize..20, pool: bool, salt in 1u64..1000,
    ) {
        let mut layers = vec![PlanLayer::ConvRelu { filters, kernel: [3, 2] }];
        if pool || deeper.is_none() {
            layers.push(PlanLayer::MaxPool2x2);
        }
        if let Some((kh, kw, pool)) = deeper {
            layers.push(PlanLayer::ConvRelu { filters: 48, kernel: [kh, kw] });
            if pool {
                layers.push(PlanLayer::MaxPool2x2);
            }
        }
        layers.extend(units.iter().map(|&units| PlanLayer::DenseRelu { units }));
        layers.push(PlanLayer::Logits { classes });
        if let Some(case) = Case::new([h, w, channels], &layers, batch, salt) {
            case.check();
        }
    }
}

#[test]
fn the_tutorial_network() {
    Case::new([32, 32, 3], &TUTORIAL, 11, 5).unwrap().check();
}

#[test]
fn a_batch_of_more_than_a_wave() {
    let layers = [
        PlanLayer::ConvRelu { filters: 16, kernel: [3, 3] },
        PlanLayer::MaxPool2x2,
        PlanLayer::Logits { classes: 3 },
    ];
    Case::new([6, 6, 1], &layers, 1100, 8).unwrap().check();
}

#[test]
fn threads_change_nothing() {
    let case = Case::new([32, 32, 3], &TUTORIAL, 37, 6).unwrap();
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| case.run(Simd::best()))
    };
    let one = with_threads(1);
    for threads in [2, 3, 4, 7] {
        assert!(bits(&with_threads(threads)) == bits(&one), "{threads} threads give other bits");
    }
}

#[test]
fn nan_reaches_the_loss() {
    let mut case = Case::new([32, 32, 3], &TUTORIAL, 3, 7).unwrap();
    case.images[3072 + 500] = f32::NAN;
    assert!(case.run(Simd::best()).loss.is_nan());
}

#[test]
fn other_networks_are_left_to_the_layers() {
    let none = |input, layers: &[PlanLayer]| assert!(Plan::new(input, layers).unwrap().is_none());
    let conv = |filters| PlanLayer::ConvRelu { filters, kernel: [3, 3] };
    let logits = PlanLayer::Logits { classes: 3 };
    none([8, 8, 3], &[conv(20), logits]);
    none([8, 8, 3], &[logits]);
    none([8, 8, 3], &[conv(16)]);
    none([8, 8, 3], &[PlanLayer::MaxPool2x2, conv(16), logits]);
    none([7, 7, 3], &[conv(16), logits]);
    assert!(Plan::new([2, 2, 3], &[conv(16), logits]).is_err());
    let plan = Plan::new([8, 8, 3], &[conv(16), logits]).unwrap().unwrap();
    let parameters = vec![0.0; plan.parameter_count()];
    assert!(plan.train(Simd::best(), &parameters, &[0.0; 192], &[3], 0.0).is_err());
    assert!(plan.train(Simd::best(), &parameters, &[0.0; 191], &[0], 0.0).is_err());
    assert!(plan.train(Simd::best(), &parameters[1..], &[0.0; 192], &[0], 0.0).is_err());
}
