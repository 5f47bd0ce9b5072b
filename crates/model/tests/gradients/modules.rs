//! Every module against candle-nn's own, and against finite differences of `f64` loops.

use candle_core::{DType, Device, Module, ModuleT, Result, Tensor, Var};
use candle_nn::{BatchNorm, Conv2d, Conv2dConfig, Linear, VarBuilder, VarMap};
use model::modules::{
    FastAvgPool2d, FastBatchNorm, FastConv2d, FastDropout, FastLinear, FastMaxPool2d, cross_entropy,
    fast_batch_norm, fast_conv2d, fast_conv2d_no_bias, fast_linear, fast_linear_no_bias,
};
use streams::{Purpose, Seed};

use crate::naive::{self, Conv, differences, permute};
use crate::{doubles, error, numbers};

const LIMIT: f64 = 1e-5;

fn var(shape: &[usize], salt: u64) -> Var {
    Var::from_vec(numbers(shape.iter().product(), salt), shape, &Device::Cpu).unwrap()
}

fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn config(stride: usize, padding: usize) -> Conv2dConfig {
    Conv2dConfig { stride, padding, ..Default::default() }
}

/// The result, and the gradients of its sum weighted by random numbers.
fn run(vars: &[Var], forward: &dyn Fn() -> Result<Tensor>) -> (Vec<usize>, Vec<f32>, Vec<Vec<f32>>) {
    let y = forward().unwrap();
    let weights = Tensor::from_vec(numbers(y.elem_count(), 99), y.shape(), &Device::Cpu).unwrap();
    let gradients = (&y * weights).unwrap().sum_all().unwrap().backward().unwrap();
    let gradients = vars.iter().map(|var| flat(gradients.get(var).unwrap())).collect();
    (y.dims().to_vec(), flat(&y), gradients)
}

/// Against candle's own module: shape, result and gradients.
fn same(name: &str, vars: &[Var], ours: &dyn Fn() -> Result<Tensor>, candle: &dyn Fn() -> Result<Tensor>) {
    let ((shape, y, gradients), (candle_shape, candle_y, candle_gradients)) =
        (run(vars, ours), run(vars, candle));
    assert_eq!(shape, candle_shape, "{name}");
    let mut worst = error(&y, &doubles(&candle_y));
    for (ours, candle) in gradients.iter().zip(&candle_gradients) {
        worst = worst.max(error(ours, &doubles(candle)));
    }
    println!("{name}: {worst:.1e} from candle's");
    assert!(worst < LIMIT, "{name}: {worst:e} from candle's");
}

/// Against a function of the variables' numbers in `f64`: result, and gradients by finite differences.
fn exact(
    name: &str,
    vars: &[Var],
    ours: &dyn Fn() -> Result<Tensor>,
    naive: impl Fn(&[Vec<f64>]) -> Vec<f64>,
) {
    let (_, y, gradients) = run(vars, ours);
    let values: Vec<Vec<f64>> = vars.iter().map(|var| doubles(&flat(var))).collect();
    let weights = doubles(&numbers(y.len(), 99));
    let mut worst = error(&y, &naive(&values));
    for (i, gradient) in gradients.iter().enumerate() {
        let slopes = differences(&values[i], 0..values[i].len(), |changed| {
            let mut values = values.clone();
            values[i] = changed.to_vec();
            naive(&values).iter().zip(&weights).map(|(y, w)| y * w).sum()
        });
        worst = worst.max(error(gradient, &slopes));
    }
    println!("{name}: {worst:.1e} from f64");
    assert!(worst < LIMIT, "{name}: {worst:e} from f64");
}

#[test]
fn convolutions() {
    for (stride, padding, kernel, [h, width]) in [
        (1, 0, [3, 3], [7, 6]),
        (2, 1, [3, 3], [7, 5]),
        (2, 1, [3, 3], [7, 6]),
        (1, 2, [2, 3], [4, 5]),
        (3, 0, [1, 1], [7, 6]),
    ] {
        let (x, w, b) = (var(&[2, 3, h, width], 1), var(&[4, 3, kernel[0], kernel[1]], 2), var(&[4], 3));
        let naive = Conv { input: [h, width, 3], kernel, filters: 4, stride, padding };
        let [oh, ow, _] = naive.output();
        let nchw = |values: &[Vec<f64>], bias: &[f64]| {
            let x = permute(&values[0], &[2, 3, h, width], &[0, 2, 3, 1]);
            let w = permute(&values[1], &[4, 3, kernel[0], kernel[1]], &[2, 3, 1, 0]);
            permute(&naive.forward(2, &x, &w, bias), &[2, oh, ow, 4], &[0, 3, 1, 2])
        };
        // Where the last windows leave not as many rows as columns, candle's own gradient fails.
        let left = |len: usize, kernel: usize| (len + 2 * padding - kernel) % stride;
        let candle_can = left(h, kernel[0]) == left(width, kernel[1]);
        let config = config(stride, padding);
        let (weight, bias) = (w.as_tensor().clone(), b.as_tensor().clone());
        let all = [x.clone(), w, b];

        let plain = FastConv2d::new(weight.clone(), None, config).unwrap();
        let candle = Conv2d::new(weight.clone(), None, config);
        let name = format!("conv2d {kernel:?} of {h} x {width}, stride {stride}, padding {padding}");
        let (y, theirs) = (plain.forward(&x).unwrap(), candle.forward(&x).unwrap());
        assert!(error(&flat(&y), &doubles(&flat(&theirs))) < LIMIT, "{name}");
        if candle_can {
            same(&name, &all[..2], &|| plain.forward(&x), &|| candle.forward(&x));
        }
        exact(&name, &all[..2], &|| plain.forward(&x), |values| nchw(values, &[0.0; 4]));

        let name = format!("{name}, bias and ReLU");
        let relu = FastConv2d::new(weight.clone(), Some(bias.clone()), config).unwrap().with_relu();
        let candle = Conv2d::new(weight, Some(bias), config);
        if candle_can {
            same(&name, &all, &|| relu.forward(&x), &|| candle.forward(&x)?.relu());
        }
        exact(&name, &all, &|| relu.forward(&x), |values| naive::relu(&nchw(values, &values[2])));
    }
}

#[test]
fn dense_layers() {
    for shape in [vec![6, 20], vec![2, 3, 20]] {
        let (x, w, b) = (var(&shape, 4), var(&[7, 20], 5), var(&[7], 6));
        let (weight, bias) = (w.as_tensor().clone(), b.as_tensor().clone());
        let all = [x.clone(), w, b];
        let rows = |values: &[Vec<f64>], bias: &[f64]| {
            Conv::dense(20, 7).forward(6, &values[0], &permute(&values[1], &[7, 20], &[1, 0]), bias)
        };

        let plain = FastLinear::new(weight.clone(), None);
        let candle = Linear::new(weight.clone(), None);
        same("linear", &all[..2], &|| plain.forward(&x), &|| candle.forward(&x));
        exact("linear", &all[..2], &|| plain.forward(&x), |values| rows(values, &[0.0; 7]));

        let relu = FastLinear::new(weight.clone(), Some(bias.clone())).with_relu();
        let candle = Linear::new(weight, Some(bias));
        same("linear, bias and ReLU", &all, &|| relu.forward(&x), &|| candle.forward(&x)?.relu());
        exact("linear, bias and ReLU", &all, &|| relu.forward(&x), |values| {
            naive::relu(&rows(values, &values[2]))
        });
    }
}

#[test]
fn pooling() {
    let x = var(&[2, 3, 6, 8], 7);
    let vars = [x.clone()];
    for (window, stride) in [((2, 2), (2, 2)), ((3, 2), (3, 2)), ((3, 2), (1, 2)), ((2, 3), (2, 1))] {
        let windows = naive::windows(2, [6, 8, 3], window.into(), stride.into());
        let (oh, ow) = ((6 - window.0) / stride.0 + 1, (8 - window.1) / stride.1 + 1);
        let nhwc = |values: &[Vec<f64>]| permute(&values[0], &[2, 3, 6, 8], &[0, 2, 3, 1]);
        let nchw = |y: &[f64]| permute(y, &[2, oh, ow, 3], &[0, 3, 1, 2]);

        let max = FastMaxPool2d::new(window).with_stride(stride);
        let name = format!("max pooling {window:?}, stride {stride:?}");
        let candle = x.max_pool2d_with_stride(window, stride).unwrap();
        assert_eq!(flat(&max.forward(&x).unwrap()), flat(&candle), "{name}");
        exact(&name, &vars, &|| max.forward(&x), |values| {
            let x = nhwc(values);
            let greatest: Vec<f64> = naive::greatest(&x, &windows).iter().map(|place| x[*place]).collect();
            nchw(&greatest)
        });

        let average = FastAvgPool2d::new(window).with_stride(stride);
        let name = format!("average pooling {window:?}, stride {stride:?}");
        if window == stride {
            same(&name, &vars, &|| average.forward(&x), &|| x.avg_pool2d(window));
        }
        exact(&name, &vars, &|| average.forward(&x), |values| {
            let x = nhwc(values);
            let mean = |window: &Vec<usize>| window.iter().map(|i| x[*i]).sum::<f64>() / window.len() as f64;
            nchw(&windows.iter().map(mean).collect::<Vec<f64>>())
        });
    }
}

/// `(B, C, ...)` normalised by the statistics of each channel, or by given ones.
fn normalised(values: &[Vec<f64>], channels: usize, batch: usize, given: Option<[&[f64]; 2]>) -> Vec<f64> {
    let (x, gamma, beta) = (&values[0], &values[1], &values[2]);
    let channel = |i: usize| i / (x.len() / batch / channels) % channels;
    let mean_of = |c, f: &dyn Fn(f64) -> f64| {
        let of: Vec<f64> = (0..x.len()).filter(|i| channel(*i) == c).map(|i| f(x[i])).collect();
        of.iter().sum::<f64>() / of.len() as f64
    };
    let statistics: Vec<(f64, f64)> = (0..channels)
        .map(|c| match given {
            Some([mean, variance]) => (mean[c], variance[c]),
            None => {
                let mean = mean_of(c, &|x| x);
                (mean, mean_of(c, &|x| (x - mean).powi(2)))
            }
        })
        .collect();
    let one = |(i, x): (usize, &f64)| {
        let c = channel(i);
        let (mean, variance) = statistics[c];
        (x - mean) / (variance + 1e-5).sqrt() * gamma[c] + beta[c]
    };
    x.iter().enumerate().map(one).collect()
}

#[test]
fn batch_normalisation() {
    for shape in [vec![4, 3, 5, 2], vec![6, 3], vec![3, 3, 4]] {
        let (x, gamma, beta) = (var(&shape, 8), var(&[3], 9), var(&[3], 10));
        let (mean, variance) = (var(&[3], 11), Tensor::new(&[0.5f32, 1.5, 1.0], &Device::Cpu).unwrap());
        let (weight, bias) = (gamma.as_tensor().clone(), beta.as_tensor().clone());
        let vars = [x.clone(), gamma, beta];
        let (running_mean, running_variance) = (doubles(&flat(&mean)), doubles(&flat(&variance)));
        let mean = mean.as_tensor().copy().unwrap().detach();
        let ours = FastBatchNorm::new(3, mean.clone(), variance.clone(), weight.clone(), bias.clone(), 1e-5);
        let candle = BatchNorm::new(3, mean, variance, weight, bias, 1e-5);
        let (ours, candle) = (ours.unwrap(), candle.unwrap());

        let given = Some([running_mean.as_slice(), running_variance.as_slice()]);
        let eval = || ours.forward_t(&x, false);
        same("batch norm, evaluation", &vars, &eval, &|| candle.forward_t(&x, false));
        exact("batch norm, evaluation", &vars, &eval, |values| normalised(values, 3, shape[0], given));

        same("batch norm", &vars, &|| ours.forward_t(&x, true), &|| candle.forward_t(&x, true));
        for (ours, candle) in
            [(ours.running_mean(), candle.running_mean()), (ours.running_var(), candle.running_var())]
        {
            assert!(error(&flat(ours), &doubles(&flat(candle))) < LIMIT, "running statistics");
        }
        exact("batch norm", &vars, &|| ours.forward_t(&x, true), |values| {
            normalised(values, 3, shape[0], None)
        });
    }
}

#[test]
fn dropout_is_named() {
    let x = var(&[4, 3, 5, 5], 12);
    let dropout = || FastDropout::new(0.4, Seed(1), Purpose::new("drop"));
    let by = |layer: &FastDropout| flat(&layer.forward_t(&x, true).unwrap());
    let layer = dropout();
    let (first, second) = (by(&layer), by(&layer));
    assert_ne!(first, second);
    assert_eq!(layer.passes(), 2);
    let again = dropout();
    again.set_passes(1);
    assert_eq!(by(&again), second);
    assert_eq!(flat(&layer.forward_t(&x, false).unwrap()), flat(&x));
    // The numbers belong to the pictures, whatever the order and the layout.
    let samples = |x: &Tensor, samples: &[u64]| flat(&layer.forward_samples(x, 0, samples).unwrap());
    assert_eq!(samples(&x, &[0, 1, 2, 3]), first);
    let last_two = samples(&x.narrow(0, 2, 2).unwrap(), &[2, 3]);
    assert_eq!(last_two, first[150..]);
    let view = x.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap().permute((0, 3, 1, 2)).unwrap();
    assert_eq!(samples(&view, &[0, 1, 2, 3]), first);
    assert!(layer.forward_samples(&x, 0, &[1]).is_err());
    // What stays is scaled, forward and backward.
    let factors: Vec<f64> = first.iter().map(|y| if *y == 0.0 { 0.0 } else { 1.0 / 0.6 }).collect();
    exact("dropout", std::slice::from_ref(&x), &|| layer.forward_samples(&x, 0, &[0, 1, 2, 3]), |values| {
        values[0].iter().zip(&factors).map(|(x, factor)| x * factor).collect()
    });
}

#[test]
fn cross_entropy_with_label_smoothing() {
    let z = var(&[5, 4], 13);
    let labels = [0u32, 3, 1, 1, 2];
    let tensor = Tensor::new(&labels, &Device::Cpu).unwrap();
    let vars = [z.clone()];
    same("cross-entropy", &vars, &|| cross_entropy(&z, &tensor, 0.0), &|| {
        candle_nn::loss::cross_entropy(&z, &tensor)
    });
    for smoothing in [0.0, 0.1, 0.9] {
        exact("cross-entropy", &vars, &|| cross_entropy(&z, &tensor, smoothing), |values| {
            vec![naive::cross_entropy(&values[0], &labels, smoothing).0]
        });
    }
    assert!(cross_entropy(&z, &tensor, 1.0).is_err());
}

/// One after another, through the views that modules hand on.
#[test]
fn a_chain_of_modules() {
    let (x, w, v) = (var(&[2, 3, 9, 9], 14), var(&[4, 3, 3, 3], 15), var(&[5, 36], 16));
    let vars = [x.clone(), w.clone(), v.clone()];
    let (weight, dense) = (w.as_tensor().clone(), v.as_tensor().clone());
    let conv = FastConv2d::new(weight.clone(), None, config(1, 0)).unwrap().with_relu();
    let linear = FastLinear::new(dense.clone(), None);
    let pool = FastAvgPool2d::new(2);
    let candle = (Conv2d::new(weight, None, config(1, 0)), Linear::new(dense, None));
    same(
        "chain",
        &vars,
        &|| linear.forward(&pool.forward(&conv.forward(&x)?)?.flatten_from(1)?),
        // Candle's gradient of average pooling wants a picture that the windows fill.
        &|| {
            candle.1.forward(
                &candle
                    .0
                    .forward(&x)?
                    .relu()?
                    .narrow(2, 0, 6)?
                    .narrow(3, 0, 6)?
                    .contiguous()?
                    .avg_pool2d(2)?
                    .flatten_from(1)?,
            )
        },
    );
}

/// A file of candle-nn's variables fits these modules, and the other way round: the same names and shapes.
#[test]
fn variables_are_those_of_candle_nn() {
    let names = |build: &dyn Fn(VarBuilder) -> Result<()>| {
        let map = VarMap::new();
        build(VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu)).unwrap();
        let data = map.data().lock().unwrap();
        let mut names: Vec<(String, Vec<usize>)> =
            data.iter().map(|(name, var)| (name.clone(), var.dims().to_vec())).collect();
        names.sort();
        names
    };
    let ours = names(&|vb| {
        fast_conv2d(3, 4, 5, config(2, 1), vb.pp("a"))?;
        fast_conv2d_no_bias(3, 4, 5, config(2, 1), vb.pp("b"))?;
        fast_linear(6, 7, vb.pp("c"))?;
        fast_linear_no_bias(6, 7, vb.pp("d"))?;
        fast_batch_norm(8, 1e-3, vb.pp("e")).map(drop)
    });
    let candle = names(&|vb| {
        candle_nn::conv2d(3, 4, 5, config(2, 1), vb.pp("a"))?;
        candle_nn::conv2d_no_bias(3, 4, 5, config(2, 1), vb.pp("b"))?;
        candle_nn::linear(6, 7, vb.pp("c"))?;
        candle_nn::linear_no_bias(6, 7, vb.pp("d"))?;
        candle_nn::batch_norm(8, 1e-3, vb.pp("e")).map(drop)
    });
    assert_eq!(ours, candle);
}

/// Running statistics are the variables of the `VarBuilder`, so that they are saved with the rest.
#[test]
fn running_statistics_are_variables() {
    let map = VarMap::new();
    let norm = fast_batch_norm(3, 1e-3, VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu)).unwrap();
    norm.forward_t(&var(&[2, 3, 4, 4], 17), true).unwrap();
    let data = map.data().lock().unwrap();
    assert_eq!(flat(&data["running_mean"]), flat(norm.running_mean()));
    assert_ne!(flat(norm.running_mean()), [0.0; 3]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let map = VarMap::new();
    let vb = || VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    let refusal = |result: Result<Tensor>| result.unwrap_err().to_string();
    let built = |config| fast_conv2d_no_bias(4, 4, 3, config, vb()).map(|_| var(&[1], 0).as_tensor().clone());
    let dilated = Conv2dConfig { dilation: 2, ..Default::default() };
    assert!(refusal(built(dilated)).contains("got dilation 2 and 1 groups"));
    let weight = || var(&[4, 3, 3, 3], 1).as_tensor().clone();
    let grouped = Conv2dConfig { groups: 2, ..Default::default() };
    assert!(FastConv2d::new(weight(), None, grouped).is_err());
    assert!(FastConv2d::new(weight(), Some(var(&[3], 1).as_tensor().clone()), config(1, 0)).is_err());
    let conv = FastConv2d::new(weight(), None, config(1, 0)).unwrap();
    for shape in [vec![2, 3, 2, 2], vec![2, 4, 5, 5], vec![3, 5, 5], vec![3]] {
        assert!(conv.forward(&var(&shape, 2)).is_err(), "{shape:?}");
    }
    let stride = FastConv2d::new(weight(), None, config(0, 0)).unwrap();
    assert!(refusal(stride.forward(&var(&[1, 3, 5, 5], 2))).contains("stride 0 x 0"));
    let doubles = Tensor::zeros((1, 3, 5, 5), DType::F64, &Device::Cpu).unwrap();
    assert!(refusal(conv.forward(&doubles)).contains("f32"));
    let linear = FastLinear::new(var(&[2, 5], 3).as_tensor().clone(), None);
    assert!(refusal(linear.forward(&var(&[2, 4], 4))).contains("a dense layer of 5 inputs"));
    assert!(FastMaxPool2d::new(3).forward(&var(&[1, 1, 2, 5], 5)).is_err());
    assert!(FastAvgPool2d::new(2).with_stride(0).forward(&var(&[1, 1, 2, 5], 5)).is_err());
    let norm = fast_batch_norm(3, 1e-3, vb().pp("norm")).unwrap();
    assert!(refusal(norm.forward_t(&var(&[2, 4], 6), true)).contains("3 channels"));
    let dropout = FastDropout::new(1.0, Seed(0), Purpose::new("drop"));
    assert!(refusal(dropout.forward_t(&var(&[2, 4], 6), true)).contains("dropout rate"));
}
