//! To and from the datasets of `candle-datasets` (feature `candle`), for programs that are written for those.
//! Knows nothing of networks.
//!
//! ```
//! use dataset::{candle, shapes};
//! use streams::Seed;
//!
//! let drawn = shapes::draw(Seed(0), 40, 10)?;
//! let tensors = candle::to(&drawn)?;
//! assert_eq!(tensors.train_images.dims(), [40, 3, 32, 32]);
//! let classes = drawn.classes().to_vec();
//! assert_eq!(candle::from(classes, &tensors)?.fingerprint(), drawn.fingerprint());
//! # Ok::<(), dataset::Error>(())
//! ```

use candle_core::{DType, Device, Tensor};
use candle_datasets::vision;

use crate::{Dataset, Error, Given, Pictures, Result, Shape, Source};

/// How far a number times 255 may be from a whole one: `f32` divides and multiplies to within 2e-5.
const WHOLE: f32 = 1e-3;

/// A dataset as `candle-datasets` has it: images (N, C, H, W) of `f32` in [0, 1], labels (N) of `u8`, on the CPU.
/// It has two parts only: validation pictures, where there are any, are among those of training.
///
/// # Errors
/// [`Error::Unfit`] with what candle says.
pub fn to(dataset: &Dataset) -> Result<vision::Dataset> {
    let (pictures, given) = (dataset.pictures(), dataset.given());
    let Shape { channels, height, width } = pictures.shape();
    let part = |first: usize, count: usize| -> Result<(Tensor, Tensor)> {
        let len = pictures.shape().len();
        let pixels = &pictures.pixels()[first * len..][..count * len];
        let shape = (count, channels, height, width);
        let images = Tensor::from_slice(pixels, shape, &Device::Cpu)
            .and_then(|images| images.to_dtype(DType::F32)? / 255.0)
            .map_err(said)?;
        let labels = Tensor::from_slice(&pictures.labels()[first..][..count], count, &Device::Cpu);
        Ok((images, labels.map_err(said)?))
    };
    let train = given.train + given.validation;
    let (train_images, train_labels) = part(0, train)?;
    let (test_images, test_labels) = part(train, given.test)?;
    Ok(vision::Dataset {
        train_images,
        train_labels,
        test_images,
        test_labels,
        labels: dataset.classes().len(),
    })
}

/// A dataset of `candle-datasets` with the names of its classes: images (N, C, H, W) of `u8`, or of numbers in
/// [0, 1] that were bytes divided by 255; whole labels (N). Its source is [`Source::Program`].
///
/// # Errors
/// [`Error::Unfit`] where images have another shape or other numbers, labels are over 255, training and test
/// images differ in shape, or as [`Dataset::new`].
pub fn from(classes: Vec<String>, tensors: &vision::Dataset) -> Result<Dataset> {
    let (train, test) = (images(&tensors.train_images, "training")?, images(&tensors.test_images, "test")?);
    if train.0 != test.0 {
        let (train, test) = (train.0, test.0);
        return Err(Error::Unfit(format!("training images are {train} and test images {test}")));
    }
    let mut all_labels = labels(&tensors.train_labels)?;
    let given = Given { train: all_labels.len(), validation: 0, test: tensors.test_labels.elem_count() };
    all_labels.extend(labels(&tensors.test_labels)?);
    let pictures = Pictures::new(train.0, [train.1, test.1].concat(), all_labels)?;
    Dataset::new(Source::Program, classes, pictures, given)
}

fn said(error: candle_core::Error) -> Error {
    let text = error.to_string();
    Error::Unfit(format!("candle: {}", text.lines().next().unwrap_or_default()))
}

/// Shape of one picture, and all bytes.
fn images(tensor: &Tensor, part: &str) -> Result<(Shape, Vec<u8>)> {
    let (_, channels, height, width) = tensor.dims4().map_err(|_| {
        Error::Unfit(format!(
            "{part} images are {:?}, expected (N, C, H, W): reshape them first",
            tensor.dims()
        ))
    })?;
    let shape = Shape { channels, height, width };
    let flat = tensor.flatten_all().map_err(said)?;
    if flat.dtype() == DType::U8 {
        return Ok((shape, flat.to_vec1().map_err(said)?));
    }
    let numbers: Vec<f32> = flat.to_dtype(DType::F32).and_then(|numbers| numbers.to_vec1()).map_err(said)?;
    let byte = |(i, number): (usize, &f32)| {
        let level = number * 255.0;
        let whole = level.round();
        // Not `>`: NaN must not pass.
        if (level - whole).abs() <= WHOLE && (0.0..=255.0).contains(&whole) {
            return Ok(whole as u8);
        }
        let picture = i / shape.len().max(1);
        Err(Error::Unfit(format!(
            "{part} image {picture} has the value {number}, expected bytes, or bytes divided by 255"
        )))
    };
    Ok((shape, numbers.iter().enumerate().map(byte).collect::<Result<_>>()?))
}

fn labels(tensor: &Tensor) -> Result<Vec<u8>> {
    let labels: Vec<i64> = tensor
        .flatten_all()
        .and_then(|labels| labels.to_dtype(DType::I64))
        .and_then(|labels| labels.to_vec1())
        .map_err(said)?;
    let byte = |label: &i64| {
        u8::try_from(*label).map_err(|_| Error::Unfit(format!("label {label}, expected 0 to 255")))
    };
    labels.iter().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes() -> Vec<String> {
        vec!["cat".into(), "dog".into()]
    }

    /// One picture of two values in each part.
    fn tensors(train: [f32; 2], test: [f32; 2], label: i64) -> vision::Dataset {
        let image =
            |values: [f32; 2]| Tensor::new(&values, &Device::Cpu).unwrap().reshape((1, 1, 1, 2)).unwrap();
        let label_of = |label: i64| Tensor::new(&[label], &Device::Cpu).unwrap();
        vision::Dataset {
            train_images: image(train),
            train_labels: label_of(1),
            test_images: image(test),
            test_labels: label_of(label),
            labels: 2,
        }
    }

    #[test]
    fn every_byte_comes_back() {
        let pixels: Vec<u8> = (0..=255).chain([7, 8]).collect();
        let shape = Shape { channels: 3, height: 1, width: 86 };
        let pictures = Pictures::new(shape, pixels, vec![1]).unwrap();
        let given = Given { train: 1, validation: 0, test: 0 };
        let set = Dataset::new(Source::Program, classes(), pictures, given).unwrap();
        let tensors = to(&set).unwrap();
        assert_eq!((tensors.test_images.dims(), tensors.labels), (&[0, 3, 1, 86][..], 2));
        assert_eq!(from(classes(), &tensors).unwrap(), set);
    }

    #[test]
    fn bytes_stay_bytes() {
        let mut set = tensors([0.0, 1.0], [0.2, 0.0], 0);
        let expect = from(classes(), &set).unwrap();
        assert_eq!(expect.pictures().pixels(), [0, 255, 51, 0]);
        for images in [&mut set.train_images, &mut set.test_images] {
            *images = (&*images * 255.0).unwrap().round().unwrap().to_dtype(DType::U8).unwrap();
        }
        assert_eq!(from(classes(), &set).unwrap(), expect);
    }

    #[test]
    fn what_were_no_bytes_is_refused() {
        let check = |set: vision::Dataset, expect: &str| {
            let error = from(classes(), &set).unwrap_err().to_string();
            assert!(error.starts_with(expect), "{error}");
        };
        check(tensors([0.0, 1.0], [0.3001, 0.0], 0), "test image 0 has the value 0.3001, expected bytes");
        check(tensors([f32::NAN, 1.0], [0.0, 0.0], 0), "training image 0 has the value NaN");
        check(tensors([0.0, 2.0], [0.0, 0.0], 0), "training image 0 has the value 2");
        check(tensors([0.0, 1.0], [0.0, 0.0], 256), "label 256, expected 0 to 255");
        check(tensors([0.0, 1.0], [0.0, 0.0], 2), "picture 1 has the label 2, but there are 2 classes");
        let mut flat = tensors([0.0, 1.0], [0.0, 0.0], 0);
        flat.test_images = flat.test_images.flatten_all().unwrap();
        check(flat, "test images are [2], expected (N, C, H, W)");
    }
}
