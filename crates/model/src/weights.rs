//! Weights as safetensors, named and laid out as candle-nn and PyTorch have them.
//!
//! `conv2d.weight` is OIHW and `dense.weight` `[out, in]`. A flattened picture runs over (c, h, w) up to the next dense
//! layer, as PyTorch flattens, not over (h, w, c) as inside: the columns of that layer, and a batch norm before it.

use std::borrow::Cow;
use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::Error;
use crate::architecture::{Architecture, Layer, NamedLayer, ParameterKind};
use crate::network::{Network, Parameter};

impl Network {
    /// The weights as the bytes of a safetensors file: the same weights, the same bytes.
    ///
    /// # Errors
    /// If the weights cannot be copied from the device.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, Error> {
        self.to_safetensors_with(&[], HashMap::new())
    }

    /// The same with flat tensors and metadata beside the weights, which [`load_safetensors`](Self::load_safetensors)
    /// takes no notice of.
    ///
    /// # Errors
    /// If the weights cannot be copied from the device.
    pub fn to_safetensors_with(
        &self,
        extra: &[(String, Vec<f32>)],
        mut metadata: HashMap<String, String>,
    ) -> Result<Vec<u8>, Error> {
        let (values, buffers) = (self.values()?, self.buffer_values()?);
        let mut tensors = Vec::new();
        let trained = self.parameters().iter().map(|parameter| (parameter, &values));
        for (parameter, values) in trained.chain(self.buffers().iter().map(|buffer| (buffer, &buffers))) {
            let map = FileLayout::of(self.architecture(), parameter);
            let bytes: Vec<u8> =
                map.in_file_order(parameter.of(values)).iter().flat_map(|x| x.to_le_bytes()).collect();
            tensors.push((map.name, map.shape, bytes));
        }
        for (name, values) in extra {
            let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            tensors.push((name.clone(), vec![values.len()], bytes));
        }
        let views: Vec<_> = tensors
            .iter()
            .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect::<Result<_, safetensors::SafeTensorError>>()?;
        metadata.insert("format".to_owned(), "pt".to_owned());
        Ok(safetensors::serialize(views, Some(metadata))?)
    }

    /// Sets the weights from the bytes of a safetensors file that [`to_safetensors`](Self::to_safetensors)
    /// could have made. On an error the network keeps its weights.
    ///
    /// # Errors
    /// If the bytes are no safetensors file, or a tensor is missing or of another type or shape.
    pub fn load_safetensors(&self, bytes: &[u8]) -> Result<(), Error> {
        let file = SafeTensors::deserialize(bytes)?;
        let read = |parameter: &Parameter, values: &mut [f32]| {
            let map = FileLayout::of(self.architecture(), parameter);
            let view = file.tensor(&map.name).map_err(|_| Error::MissingTensor(map.name.clone()))?;
            if view.dtype() != Dtype::F32 || view.shape() != map.shape {
                return Err(Error::WrongTensor {
                    name: map.name,
                    found: format!("{:?} {:?}", view.dtype(), view.shape()),
                    expected: format!("F32 {:?}", map.shape),
                });
            }
            let file: Vec<f32> = view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            map.in_own_order(&file, parameter.of_mut(values));
            Ok(())
        };
        let (mut values, mut buffers) = (self.values()?, self.buffer_values()?);
        self.parameters().iter().try_for_each(|parameter| read(parameter, &mut values))?;
        self.buffers().iter().try_for_each(|buffer| read(buffer, &mut buffers))?;
        self.set_values(&values)?;
        self.set_buffer_values(&buffers)
    }
}

/// Name, shape and order of a parameter in a file.
struct FileLayout {
    name: String,
    shape: Vec<usize>,
    /// For each place in the file, the place inside; `None` where they are the same.
    order: Option<Vec<usize>>,
}

impl FileLayout {
    fn of(architecture: &Architecture, parameter: &Parameter) -> Self {
        let kind = match parameter.kind() {
            ParameterKind::Kernel | ParameterKind::Gamma => "weight",
            ParameterKind::Bias | ParameterKind::Beta => "bias",
            ParameterKind::MovingMean => "running_mean",
            ParameterKind::MovingVariance => "running_var",
        };
        let name = format!("{}.{kind}", parameter.layer());
        let inside = parameter.shape();
        let flattened = flattened_picture(architecture.layers(), parameter.layer());
        match (parameter.kind(), inside, flattened) {
            (ParameterKind::Kernel, &[kh, kw, inputs, outputs], _) => {
                let order = permuted(inside, [3, 2, 0, 1]);
                Self { name, shape: vec![outputs, inputs, kh, kw], order: Some(order) }
            }
            (ParameterKind::Kernel, &[inputs, outputs], _) => {
                let [h, w, c] = flattened.unwrap_or([1, 1, inputs]);
                let order = permuted(&[h, w, c, outputs], [3, 2, 0, 1]);
                Self { name, shape: vec![outputs, inputs], order: Some(order) }
            }
            // A dense layer's bias is one of its outputs, which are no picture any more.
            (ParameterKind::Bias, ..) | (.., None) => Self { name, shape: inside.to_vec(), order: None },
            (.., Some([h, w, c])) => {
                Self { name, shape: inside.to_vec(), order: Some(permuted(&[h, w, c, 1], [3, 2, 0, 1])) }
            }
        }
    }

    fn in_file_order<'a>(&self, inside: &'a [f32]) -> Cow<'a, [f32]> {
        match &self.order {
            None => inside.into(),
            Some(order) => order.iter().map(|&i| inside[i]).collect(),
        }
    }

    fn in_own_order(&self, file: &[f32], inside: &mut [f32]) {
        match &self.order {
            None => inside.copy_from_slice(file),
            Some(order) => order.iter().zip(file).for_each(|(&i, x)| inside[i] = *x),
        }
    }
}

/// The picture `(H, W, C)` whose flattened values reach the layer `name`, where no dense layer is between.
fn flattened_picture(layers: &[NamedLayer], name: &str) -> Option<[usize; 3]> {
    let at = layers.iter().position(|l| l.name == name)?;
    let mut before = layers[..at].iter().rev().take_while(|l| !matches!(l.layer, Layer::Dense { .. }));
    let flatten = before.find(|l| l.layer == Layer::Flatten)?;
    match flatten.input[..] {
        [h, w, c] => Some([h, w, c]),
        _ => None,
    }
}

/// For each place of the permuted tensor in row-major order, its place in the original.
fn permuted(shape: &[usize], axes: [usize; 4]) -> Vec<usize> {
    let strides: Vec<usize> = (0..4).map(|axis| shape[axis + 1..].iter().product()).collect();
    let mut order = Vec::with_capacity(shape.iter().product());
    for a in 0..shape[axes[0]] {
        for b in 0..shape[axes[1]] {
            for c in 0..shape[axes[2]] {
                for d in 0..shape[axes[3]] {
                    order.push(
                        a * strides[axes[0]]
                            + b * strides[axes[1]]
                            + c * strides[axes[2]]
                            + d * strides[axes[3]],
                    );
                }
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use candle_core::{D, DType, Device, Tensor};
    use candle_nn::{Conv2d, Linear, Module, VarBuilder};
    use kernels::Simd;
    use streams::Seed;

    use super::*;

    fn network(seed: u64) -> Network {
        Network::new(&Architecture::tutorial(), Seed(seed), &Device::Cpu, Simd::best()).unwrap()
    }

    /// The file, read by candle-nn and run through its layers as a user would, gives the same logits.
    #[test]
    fn candle_nn_reads_the_file() -> candle_core::Result<()> {
        let ours = network(4);
        let mut values = ours.values().unwrap();
        for p in ours.parameters().iter().filter(|p| p.kind() == ParameterKind::Bias) {
            let bias = p.of_mut(&mut values);
            let n = bias.len() as f32;
            bias.iter_mut().enumerate().for_each(|(i, b)| *b = i as f32 / n - 0.4);
        }
        ours.set_values(&values).unwrap();
        let vb =
            VarBuilder::from_buffered_safetensors(ours.to_safetensors().unwrap(), DType::F32, &Device::Cpu)?;
        let conv = |name, i, o| -> candle_core::Result<Conv2d> {
            candle_nn::conv2d(i, o, 3, Default::default(), vb.pp(name))
        };
        let linear = |name, i, o| -> candle_core::Result<Linear> { candle_nn::linear(i, o, vb.pp(name)) };
        let pixels: Vec<f32> = (0..2 * 3072).map(|i| (i * 37 % 256) as f32 / 255.0).collect();
        let images = Tensor::from_vec(pixels, (2, 3, 32, 32), &Device::Cpu)?;
        let x = conv("conv2d", 3, 32)?.forward(&images)?.relu()?.max_pool2d(2)?;
        let x = conv("conv2d_1", 32, 64)?.forward(&x)?.relu()?.max_pool2d(2)?;
        let x = conv("conv2d_2", 64, 64)?.forward(&x)?.relu()?.flatten_from(1)?;
        let x = linear("dense", 1024, 64)?.forward(&x)?.relu()?;
        let theirs = linear("dense_1", 64, 10)?.forward(&x)?;
        let worst =
            (ours.forward(&images).unwrap() - theirs)?.abs()?.max(D::Minus1)?.max(0)?.to_scalar::<f32>()?;
        assert!(worst < 1e-5, "{worst}");
        Ok(())
    }

    #[test]
    fn saved_and_loaded_is_the_same_bytes() {
        let bytes = network(1).to_safetensors().unwrap();
        let other = network(2);
        assert_ne!(other.to_safetensors().unwrap(), bytes);
        other.load_safetensors(&bytes).unwrap();
        assert_eq!(other.to_safetensors().unwrap(), bytes);
    }

    /// With PyTorch's names; a flattened picture is turned in all that reads it before the next dense layer.
    #[test]
    fn batch_norms_are_in_the_file() {
        let norm = || Layer::BatchNorm { momentum: 0.9, epsilon: 1e-3 };
        let dense = || Layer::Dense { units: Some(2), bias: false, activation: Default::default() };
        let layers = [norm(), Layer::Flatten, norm(), dense(), norm()];
        let architecture = Architecture::new("m", [1, 2, 2], &layers).unwrap();
        let network = Network::new(&architecture, Seed(0), &Device::Cpu, Simd::best()).unwrap();
        let count = |n: usize| (0..n).map(|i| i as f32).collect::<Vec<_>>();
        network.set_values(&count(network.parameter_count())).unwrap();
        network.set_buffer_values(&count(architecture.buffer_count())).unwrap();
        let bytes = network.to_safetensors().unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let check = |name: &str, expected: &[f32]| {
            let data = file.tensor(name).unwrap().data().to_vec();
            let found: Vec<f32> = data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            assert_eq!(found, expected, "{name}");
        };
        check("batch_normalization.weight", &[0.0, 1.0]);
        check("batch_normalization.bias", &[2.0, 3.0]);
        check("batch_normalization.running_var", &[2.0, 3.0]);
        check("batch_normalization_1.weight", &[4.0, 6.0, 5.0, 7.0]);
        check("batch_normalization_1.running_mean", &[4.0, 6.0, 5.0, 7.0]);
        check("dense.weight", &[12.0, 16.0, 14.0, 18.0, 13.0, 17.0, 15.0, 19.0]);
        check("batch_normalization_2.bias", &[22.0, 23.0]);
        check("batch_normalization_2.running_var", &[14.0, 15.0]);
        assert_eq!(file.len(), 13);

        let other = Network::new(&architecture, Seed(1), &Device::Cpu, Simd::best()).unwrap();
        other.load_safetensors(&bytes).unwrap();
        assert_eq!(other.buffer_values().unwrap(), network.buffer_values().unwrap());
        assert_eq!(other.to_safetensors().unwrap(), bytes);
    }

    #[test]
    fn foreign_files_are_refused() {
        let network = network(1);
        let before = network.to_safetensors().unwrap();
        assert!(matches!(network.load_safetensors(b"<html>"), Err(Error::Unreadable(_))));
        let pool = Layer::Dense { units: Some(3), bias: true, activation: Default::default() };
        let small = Architecture::new("m", [32, 32, 3], &[Layer::Flatten, pool]).unwrap();
        let small =
            Network::new(&small, Seed(0), &Device::Cpu, Simd::best()).unwrap().to_safetensors().unwrap();
        let error = network.load_safetensors(&small).unwrap_err().to_string();
        assert_eq!(
            error,
            "the weights have no tensor `conv2d.weight`; were they saved from another network?"
        );
        assert_eq!(network.to_safetensors().unwrap(), before);
    }
}
