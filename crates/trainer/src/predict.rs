//! What a trained network sees in picture files.

use std::path::Path;

use candle_core::Tensor;
use dataset::{Shape, encoded};
use model::Network;
use serde::Serialize;

use crate::scores::probabilities;
use crate::{Error, Result};

/// A class, and how sure the network is of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Guess {
    /// The class's name.
    pub class: String,
    /// 0 to 1; those of all classes together are 1.
    pub probability: f32,
}

/// What a network sees in a picture: the `top` most probable classes, the most probable first; of equal ones the one
/// that comes first among the classes.
///
/// `planes` are `(C, H, W)` bytes of the network's input shape.
///
/// # Errors
/// If the picture has another size than the network's, or not three channels.
pub fn predict(network: &Network, classes: &[String], planes: &[u8], top: usize) -> Result<Vec<Guess>> {
    let [height, width, channels] = network.architecture().input();
    let pixels: Vec<f32> = planes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
    let images = Tensor::from_vec(pixels, (1, channels, height, width), network.device())?;
    let logits = network.logits(&images)?.flatten_all()?.to_vec1::<f32>()?;
    let mut guesses: Vec<Guess> = classes
        .iter()
        .zip(probabilities(&logits))
        .map(|(class, probability)| Guess { class: class.clone(), probability })
        .collect();
    // A stable sort: equal ones keep their order.
    guesses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    guesses.truncate(top);
    Ok(guesses)
}

/// Reads a PNG or JPEG of any size as a network's input: resized to `shape`, as pictures of a folder are.
///
/// # Errors
/// If the file cannot be read, or the network's pictures are not square ones of three channels.
pub fn read_picture(path: &Path, shape: Shape) -> Result<Vec<u8>> {
    check(shape)?;
    Ok(encoded::read(path, shape.height)?)
}

/// As [`read_picture`], of the bytes of a file.
///
/// # Errors
/// As [`read_picture`]; `name` stands for the file.
pub fn decode_picture(name: &Path, bytes: &[u8], shape: Shape) -> Result<Vec<u8>> {
    check(shape)?;
    Ok(encoded::read_bytes(name, bytes, shape.height)?)
}

fn check(shape: Shape) -> Result<()> {
    if shape.channels == 3 && shape.height == shape.width {
        return Ok(());
    }
    Err(Error::Setting(format!(
        "the network takes pictures of {shape}, expected square ones of three channels"
    )))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use kernels::Simd;
    use model::Architecture;
    use streams::Seed;

    use super::*;

    #[test]
    fn the_likeliest_classes_come_first() {
        let architecture = Architecture::tutorial_for([20, 20, 3], 4).unwrap();
        let network = Network::new(&architecture, Seed(1), &Device::Cpu, Simd::best()).unwrap();
        let classes = ["a", "b", "c", "d"].map(ToOwned::to_owned);
        let planes: Vec<u8> = (0..1200).map(|i| (i * 37 % 256) as u8).collect();
        let all = predict(&network, &classes, &planes, 9).unwrap();
        assert_eq!(all.len(), 4);
        assert!(all.windows(2).all(|pair| pair[0].probability >= pair[1].probability));
        assert!((all.iter().map(|guess| guess.probability).sum::<f32>() - 1.0).abs() < 1e-6);
        assert_eq!(predict(&network, &classes, &planes, 2).unwrap(), all[..2]);
        assert!(predict(&network, &classes, &planes[1..], 2).is_err());
    }

    #[test]
    fn other_shapes_and_other_bytes_are_refused() {
        let wide = Shape { channels: 3, height: 8, width: 9 };
        assert!(
            read_picture(Path::new("x.png"), wide).unwrap_err().to_string().contains("expected square ones")
        );
        let error = decode_picture(Path::new("it"), b"<html>", Shape::CIFAR).unwrap_err().to_string();
        assert!(error.starts_with("it"), "{error}");
    }
}
