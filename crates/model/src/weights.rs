//! Weights as safetensors, named and laid out as candle-nn and PyTorch have them.
//!
//! `conv2d.weight` is OIHW and `dense.weight` `[out, in]`. Where a dense layer follows a flattened picture,
//! its columns run over (c, h, w), as PyTorch flattens, not over (h, w, c) as inside.

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
        let values = self.values()?;
        let mut tensors = Vec::new();
        for parameter in self.parameters() {
            let map = FileLayout::of(self.architecture(), parameter);
            let bytes: Vec<u8> =
                map.in_file_order(parameter.of(&values)).iter().flat_map(|x| x.to_le_bytes()).collect();
            tensors.push((map.name, map.shape, bytes));
        }
        let views: Vec<_> = tensors
            .iter()
            .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect::<Result<_, safetensors::SafeTensorError>>()?;
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        Ok(safetensors::serialize(views, Some(metadata))?)
    }

    /// Sets the weights from the bytes of a safetensors file that [`to_safetensors`](Self::to_safetensors)
    /// could have made. On an error the network keeps its weights.
    ///
    /// # Errors
    /// If the bytes are no safetensors file, or a tensor is missing or of another type or shape.
    pub fn load_safetensors(&self, bytes: &[u8]) -> Result<(), Error> {
        let file = SafeTensors::deserialize(bytes)?;
        let mut values = self.values()?;
        for parameter in self.parameters() {
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
            map.in_own_order(&file, parameter.of_mut(&mut values));
        }
        self.set_values(&values)
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
        let inside = parameter.shape();
        match (parameter.kind(), inside) {
            (ParameterKind::Kernel, &[kh, kw, inputs, outputs]) => Self {
                name: format!("{}.weight", parameter.layer()),
                shape: vec![outputs, inputs, kh, kw],
                order: Some(permuted(inside, [3, 2, 0, 1])),
            },
            (ParameterKind::Kernel, &[inputs, outputs]) => {
                let [h, w, c] =
                    flattened_picture(architecture.layers(), parameter.layer()).unwrap_or([1, 1, inputs]);
                Self {
                    name: format!("{}.weight", parameter.layer()),
                    shape: vec![outputs, inputs],
                    order: Some(permuted(&[h, w, c, outputs], [3, 2, 0, 1])),
                }
            }
            _ => Self { name: format!("{}.bias", parameter.layer()), shape: inside.to_vec(), order: None },
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

/// The picture `(H, W, C)` whose flattened values reach the dense layer `name` directly.
fn flattened_picture(layers: &[NamedLayer], name: &str) -> Option<[usize; 3]> {
    let at = layers.iter().position(|l| l.name == name)?;
    let before = layers.get(at.checked_sub(1)?)?;
    match (&before.layer, before.input.as_slice()) {
        (Layer::Flatten, &[h, w, c]) => Some([h, w, c]),
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
