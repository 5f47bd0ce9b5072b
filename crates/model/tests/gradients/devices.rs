//! Every layer with weights, pools, loss and optimizers on every device that there is, by the same body: against `f64`
//! loops, and a network's steps against those of the CPU.

use candle_core::{Device, Tensor, Var};
use kernels::Simd;
use kernels::activation::Activation;
use kernels::conv::Padding;
use model::optimizer::{Optimizer, OptimizerSettings, gradient_of};
use model::{Architecture, Network, Training};
use streams::Seed;

use crate::naive::{Conv, cross_entropy, greatest, relu, windows};
use crate::{devices, doubles, error, numbers};

const LIMIT: f64 = 1e-5;

fn var(shape: &[usize], salt: u64, device: &Device) -> Var {
    Var::from_vec(numbers(shape.iter().product(), salt), shape, device).unwrap()
}

fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// A result, and the gradients of its sum weighted by random numbers, against exact ones.
fn check(name: &str, vars: &[&Var], y: &Tensor, exact: &(Vec<f64>, Vec<Vec<f64>>)) {
    let gradients = (y * weights_of(y)).unwrap().sum_all().unwrap().backward().unwrap();
    let mut worst = error(&flat(y), &exact.0);
    assert_eq!(vars.len(), exact.1.len());
    for (var, exact) in vars.iter().zip(&exact.1) {
        worst = worst.max(error(&flat(gradients.get(var).unwrap()), exact));
    }
    println!("{name} on {:?}: {worst:.1e} from f64", y.device().location());
    assert!(worst < LIMIT, "{name} on {:?}: {worst:e} from f64", y.device().location());
}

fn weights_of(y: &Tensor) -> Tensor {
    Tensor::from_vec(numbers(y.elem_count(), 99), y.shape(), y.device()).unwrap()
}

/// Where a ReLU let something through, the gradient; elsewhere 0.
fn before_relu(sums: &[f64], dy: &[f64]) -> Vec<f64> {
    sums.iter().zip(dy).map(|(sum, dy)| if *sum > 0.0 { *dy } else { 0.0 }).collect()
}

#[test]
fn layers_with_weights() {
    for device in devices() {
        for (stride, padding) in [(1, 0), (2, 1), (1, 1)] {
            let conv = Conv { input: [7, 6, 3], kernel: [3, 2], filters: 4, stride, padding };
            let (x, w, b) =
                (var(&[2, 7, 6, 3], 1, &device), var(&[3, 2, 3, 4], 2, &device), var(&[4], 3, &device));
            let all = Padding { top: padding, bottom: padding, left: padding, right: padding };
            let y = model::conv2d(&x, &w, &b, [stride; 2], all, Activation::Relu, Simd::best()).unwrap();
            let [xs, ws, bs] = [&x, &w, &b].map(|var| doubles(&flat(var)));
            let sums = conv.forward(2, &xs, &ws, &bs);
            let dy = doubles(&numbers(sums.len(), 99));
            let gradients = conv.backward(2, &xs, &ws, &before_relu(&sums, &dy)).to_vec();
            let name = format!("convolution, stride {stride}, padding {padding}");
            check(&name, &[&x, &w, &b], &y, &(relu(&sums), gradients));
        }
        let dense = Conv::dense(20, 7);
        let (x, w, b) = (var(&[5, 20], 4, &device), var(&[20, 7], 5, &device), var(&[7], 6, &device));
        let [xs, ws, bs] = [&x, &w, &b].map(|var| doubles(&flat(var)));
        let sums = dense.forward(5, &xs, &ws, &bs);
        let dy = doubles(&numbers(sums.len(), 99));
        let y = model::dense(&x, &w, &b, Activation::Linear, Simd::best()).unwrap();
        check("dense", &[&x, &w, &b], &y, &(sums, dense.backward(5, &xs, &ws, &dy).to_vec()));
    }
}

#[test]
fn pools() {
    for device in devices() {
        for (window, stride) in [([2, 2], [2, 2]), ([3, 2], [1, 2]), ([1, 2], [2, 3])] {
            let x = var(&[2, 7, 6, 3], 7, &device);
            let xs = doubles(&flat(&x));
            let windows = windows(2, [7, 6, 3], window, stride);
            let dy = doubles(&numbers(windows.len(), 99));

            let places = greatest(&xs, &windows);
            let mut dx = vec![0.0; xs.len()];
            places.iter().zip(&dy).for_each(|(place, dy)| dx[*place] += dy);
            let y = model::max_pool2d(&x, window, stride).unwrap();
            let exact = places.iter().map(|place| xs[*place]).collect();
            check(&format!("max pool {window:?} by {stride:?}"), &[&x], &y, &(exact, vec![dx]));

            let mut dx = vec![0.0; xs.len()];
            let mut exact = Vec::new();
            for (window, dy) in windows.iter().zip(&dy) {
                let count = window.len() as f64;
                exact.push(window.iter().map(|place| xs[*place]).sum::<f64>() / count);
                window.iter().for_each(|place| dx[*place] += dy / count);
            }
            let y = model::avg_pool2d(&x, window, stride).unwrap();
            check(&format!("average pool {window:?} by {stride:?}"), &[&x], &y, &(exact, vec![dx]));
        }
    }
}

#[test]
fn losses() {
    for device in devices() {
        for smoothing in [0.0, 0.1] {
            let z = var(&[6, 10], 8, &device);
            let labels = [0u32, 9, 3, 3, 7, 1];
            let loss = model::cross_entropy(&z, &Tensor::new(&labels, &device).unwrap(), smoothing).unwrap();
            let (exact, gradient) = cross_entropy(&doubles(&flat(&z)), &labels, smoothing);
            // The loss is multiplied by a number on its way.
            let factor = f64::from(numbers(1, 99)[0]);
            let gradient = gradient.iter().map(|g| g * factor).collect();
            let shown = format!("cross-entropy, smoothing {smoothing}");
            check(&shown, &[&z], &loss, &(vec![exact], vec![gradient]));
        }
    }
}

/// Five steps of each optimizer on the tutorial's network.
#[test]
fn steps_are_those_of_the_cpu() {
    let adam = kernels::optimizer::Adam::default();
    let settings = [
        OptimizerSettings::adam(adam),
        OptimizerSettings::adamw(adam, 0.1),
        OptimizerSettings::sgd(0.0, false, 0.01),
        OptimizerSettings::sgd(0.9, true, 0.0),
    ];
    let pixels: Vec<f32> = numbers(4 * 3072, 7).iter().map(|x| (x + 1.0) / 2.0).collect();
    let trained = |device: &Device, settings: &OptimizerSettings| -> Vec<f32> {
        let network = Network::new(&Architecture::tutorial(), Seed(5), device, Simd::best()).unwrap();
        let images = Tensor::from_slice(&pixels, (4, 3, 32, 32), device).unwrap();
        let labels = Tensor::new(&[3u32, 8, 0, 1], device).unwrap();
        let mut optimizer = Optimizer::new(&network, settings).unwrap();
        for _ in 0..5 {
            let loss = network.loss(&images, &labels, &Training::default()).unwrap().mean;
            let gradient = gradient_of(&network, &loss.backward().unwrap()).unwrap();
            optimizer.step(&network, &gradient, 0.001).unwrap();
        }
        // What is kept goes to the host and back.
        let state = optimizer.state().unwrap();
        optimizer.restore(&state).unwrap();
        assert_eq!(optimizer.state().unwrap(), state);
        network.values().unwrap()
    };
    for settings in &settings {
        let expected = trained(&Device::Cpu, settings);
        for device in devices() {
            let found = trained(&device, settings);
            let worst = error(&found, &doubles(&expected));
            assert!(worst < 1e-4, "{settings:?} on {:?}: {worst:e}", device.location());
            // The same bits again.
            assert_eq!(found, trained(&device, settings), "{settings:?} on {:?}", device.location());
        }
    }
}
