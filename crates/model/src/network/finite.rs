//! Where in a network numbers stop being finite.

use candle_core::Tensor;

use super::layers::{Layers, Pass};
use super::{Network, Parameter};
use crate::Error;

impl Network {
    /// The first place where numbers are not finite as pictures go through in evaluation: a parameter's path
    /// (`conv2d_1/kernel`), or else `the pictures`, or else a layer's result (`the output of conv2d_1`). `None` if all
    /// are finite.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn first_non_finite(&self, images: &Tensor) -> Result<Option<String>, Error> {
        self.check(images)?;
        let (values, moving) = (self.values()?, self.buffer_values()?);
        let among = |parameters: &[Parameter], values: &[f32]| {
            parameters.iter().find(|parameter| !finite(parameter.of(values))).map(Parameter::path)
        };
        if let Some(path) = among(self.parameters(), &values).or_else(|| among(self.buffers(), &moving)) {
            return Ok(Some(path));
        }
        if !finite(&numbers(images)?) {
            return Ok(Some("the pictures".to_owned()));
        }
        let mut first = None;
        let weights = self.weights.as_detached_tensor();
        Layers::of_flat(self, &weights)?.run(&images.detach(), Pass::Evaluate, |named, output| {
            if first.is_none() && !finite(&numbers(output)?) {
                first = Some(format!("the output of {}", named.name));
            }
            Ok(())
        })?;
        Ok(first)
    }
}

fn finite(values: &[f32]) -> bool {
    values.iter().all(|value| value.is_finite())
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>, Error> {
    Ok(tensor.flatten_all()?.to_vec1()?)
}
