//! A network as stages of work on NCHW pictures, each of which a device has one way for; knows nothing of devices.

use std::ops::Range;

use crate::Network;
use crate::architecture::{Activation, Layer, NamedLayer, ParameterKind, zeros_around};

/// What a stage does to pictures `(B, C, H, W)`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Work {
    /// The kernel is `(OC, C, KH, KW)`; as many zeros above as below, and on the left as on the right.
    Convolution { kernel: [usize; 2], stride: [usize; 2], zeros: [usize; 2], own: Own },
    /// The kernel is `(C, OC)`; pictures are one pixel.
    Dense(Own),
    /// The greatest or the mean of each window.
    Pool { pooling: Pooling, window: [usize; 2], stride: [usize; 2] },
    /// From channels of pixels to pixels of channels: what Keras flattens.
    ChannelsLast,
}

/// What becomes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pooling {
    /// `after_relu`: of what a ReLU gave, whose gradient the pool gives, too.
    Max {
        after_relu: bool,
    },
    Mean,
}

/// What a layer with weights has. In [`Laid`], places are those of the working weights.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Own {
    /// Where its kernel lies among all weights.
    pub(super) kernel: Range<usize>,
    /// Where its bias lies.
    pub(super) bias: Range<usize>,
    /// Whether a ReLU follows.
    pub(super) relu: bool,
    /// Whether the stage after this one gives the gradient before the ReLU.
    pub(super) relu_is_undone: bool,
}

/// A stage with the shapes `(C, H, W)` of one picture before and after it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stage {
    pub(super) work: Work,
    pub(super) input: [usize; 3],
    pub(super) output: [usize; 3],
}

/// The stages of a network; `None` where it has a layer that is none of them.
pub(super) fn stages(network: &Network) -> Option<Vec<Stage>> {
    let mut stages: Vec<Stage> = Vec::new();
    for (index, named) in network.architecture().layers().iter().enumerate() {
        let [input, output] = [&named.input, &named.output].map(|shape| channels_first(shape));
        let (input, output) = (input?, output?);
        let work = match named.layer {
            Layer::Conv2d { kernel, stride, padding, activation, .. } => {
                let mut zeros = [0; 2];
                for axis in [0, 1] {
                    let [before, after] =
                        zeros_around(padding, named.input[axis], kernel[axis], stride[axis]);
                    if before != after {
                        return None;
                    }
                    zeros[axis] = before;
                }
                Work::Convolution { kernel, stride, zeros, own: own(network, index, activation)? }
            }
            Layer::Dense { activation, .. } => Work::Dense(own(network, index, activation)?),
            Layer::MaxPool2d { window, stride } => {
                let after_relu = stages.last_mut().is_some_and(Stage::leave_relu);
                pool(Pooling::Max { after_relu }, window, stride.unwrap_or(window))
            }
            Layer::AvgPool2d { window, stride } => pool(Pooling::Mean, window, stride.unwrap_or(window)),
            Layer::GlobalMaxPool2d => {
                let after_relu = stages.last_mut().is_some_and(Stage::leave_relu);
                pool(Pooling::Max { after_relu }, whole(named), whole(named))
            }
            Layer::GlobalAvgPool2d => pool(Pooling::Mean, whole(named), whole(named)),
            Layer::Flatten if input[0] == 1 || input[1..] == [1, 1] => continue,
            Layer::Flatten => Work::ChannelsLast,
            Layer::Activation { function: Activation::Linear } => continue,
            Layer::Activation { .. } | Layer::BatchNorm { .. } | Layer::Dropout { .. } => return None,
        };
        stages.push(Stage { work, input, output });
    }
    // A network without a layer that learns has no gradient.
    stages.iter().any(|stage| stage.own().is_some()).then_some(stages)
}

impl Stage {
    /// What it has of the network's weights.
    pub(super) fn own(&self) -> Option<&Own> {
        match &self.work {
            Work::Convolution { own, .. } | Work::Dense(own) => Some(own),
            Work::Pool { .. } | Work::ChannelsLast => None,
        }
    }

    /// Leaves the gradient of its ReLU to the stage that follows; says whether it has one.
    fn leave_relu(&mut self) -> bool {
        match &mut self.work {
            Work::Convolution { own, .. } | Work::Dense(own) => {
                own.relu_is_undone = own.relu;
                own.relu
            }
            Work::Pool { .. } | Work::ChannelsLast => false,
        }
    }
}

/// Where tensors begin among working weights: libraries read them in words of up to 16 numbers.
const ALIGNMENT: usize = 64;

/// Stages whose weights lie as they read them: OIHW kernels of convolutions, and each tensor at an aligned place.
#[derive(Clone, Debug)]
pub(super) struct Laid {
    pub(super) stages: Vec<Stage>,
    /// Where each weight of the network, in its order, lies.
    pub(super) places: Vec<u32>,
    /// Numbers of all weights with the gaps between them, which stay 0.
    pub(super) room: usize,
}

impl Laid {
    /// Lays out the weights of stages, of which there are so many.
    pub(super) fn new(mut stages: Vec<Stage>, weights: usize) -> Self {
        let (mut places, mut room) = (vec![0; weights], 0);
        for stage in &mut stages {
            let ([inputs, ..], [outputs, ..]) = (stage.input, stage.output);
            let turn = |index: usize, [kh, kw]: [usize; 2]| {
                let (o, i) = (index % outputs, index / outputs % inputs);
                let (column, row) = (index / outputs / inputs % kw, index / outputs / inputs / kw);
                ((o * inputs + i) * kh + row) * kw + column
            };
            let mut put = |tensor: &mut Range<usize>, window: Option<[usize; 2]>| {
                for (index, place) in places[tensor.clone()].iter_mut().enumerate() {
                    *place = (room + window.map_or(index, |window| turn(index, window))) as u32;
                }
                *tensor = room..room + tensor.len();
                room = tensor.end.next_multiple_of(ALIGNMENT);
            };
            match &mut stage.work {
                Work::Convolution { kernel, own, .. } => {
                    put(&mut own.kernel, Some(*kernel));
                    put(&mut own.bias, None);
                }
                Work::Dense(own) => {
                    put(&mut own.kernel, None);
                    put(&mut own.bias, None);
                }
                Work::Pool { .. } | Work::ChannelsLast => {}
            }
        }
        Self { stages, places, room }
    }
}

fn pool(pooling: Pooling, window: [usize; 2], stride: [usize; 2]) -> Work {
    Work::Pool { pooling, window, stride }
}

fn whole(named: &NamedLayer) -> [usize; 2] {
    [named.input[0], named.input[1]]
}

/// `(C, H, W)` of `(H, W, C)` or `(N)`.
fn channels_first(shape: &[usize]) -> Option<[usize; 3]> {
    match *shape {
        [h, w, c] => Some([c, h, w]),
        [n] => Some([n, 1, 1]),
        _ => None,
    }
}

fn own(network: &Network, index: usize, activation: Activation) -> Option<Own> {
    let relu = match activation {
        Activation::Linear => false,
        Activation::Relu => true,
        _ => return None,
    };
    let parameters = &network.parameters()[network.own(index).trained];
    let place = |kind| parameters.iter().find(|parameter| parameter.kind() == kind).map(|p| p.place());
    let kernel = place(ParameterKind::Kernel)?;
    let bias = place(ParameterKind::Bias).unwrap_or(kernel.end..kernel.end);
    // A ReLU comes with the bias.
    if relu && bias.is_empty() {
        return None;
    }
    Some(Own { kernel, bias, relu, relu_is_undone: false })
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use kernels::Simd;
    use streams::Seed;

    use super::*;
    use crate::architecture::{Architecture, Padding};

    fn network(input: [usize; 3], layers: &[Layer]) -> Network {
        let architecture = Architecture::new("m", input, layers).unwrap();
        Network::new(&architecture, Seed(0), &Device::Cpu, Simd::best()).unwrap()
    }

    fn conv(padding: Padding, stride: usize, activation: Activation) -> Layer {
        let (kernel, stride) = ([3, 3], [stride, stride]);
        Layer::Conv2d { filters: 4, kernel, stride, padding, bias: true, activation }
    }

    const DENSE: Layer = Layer::Dense { units: Some(10), bias: true, activation: Activation::Linear };

    #[test]
    fn the_tutorial_in_stages() {
        let network = Network::new(&Architecture::tutorial(), Seed(0), &Device::Cpu, Simd::best()).unwrap();
        let stages = stages(&network).unwrap();
        let words: Vec<String> = stages
            .iter()
            .map(|stage| {
                let name = match &stage.work {
                    Work::Convolution { own, .. } => format!("conv {} {}", own.relu, own.relu_is_undone),
                    Work::Dense(own) => format!("dense {} {}", own.relu, own.relu_is_undone),
                    Work::Pool { pooling, .. } => format!("{pooling:?}"),
                    Work::ChannelsLast => "channels last".into(),
                };
                format!("{name} {:?}", stage.output)
            })
            .collect();
        assert_eq!(
            words,
            [
                "conv true true [32, 30, 30]",
                "Max { after_relu: true } [32, 15, 15]",
                "conv true true [64, 13, 13]",
                "Max { after_relu: true } [64, 6, 6]",
                "conv true false [64, 4, 4]",
                "channels last [1024, 1, 1]",
                "dense true false [64, 1, 1]",
                "dense false false [10, 1, 1]",
            ]
        );
        let last = stages[7].own().unwrap();
        assert_eq!((last.kernel.clone(), last.bias.clone()), (121_920..122_560, 122_560..122_570));
    }

    #[test]
    fn what_has_stages_and_what_has_none() {
        let check = |layers: &[Layer], expected: Option<usize>| {
            let found = stages(&network([8, 8, 3], layers)).map(|stages| stages.len());
            assert_eq!(found, expected, "{layers:?}");
        };
        use Activation::{Gelu, Relu};
        check(&[conv(Padding::Same, 1, Relu), Layer::GlobalAvgPool2d, DENSE], Some(3));
        // One zero more on the one side than on the other.
        check(&[conv(Padding::Same, 2, Relu), Layer::Flatten, DENSE], None);
        check(&[conv(Padding::Valid, 2, Gelu), Layer::Flatten, DENSE], None);
        check(&[Layer::Flatten, Layer::Dropout { rate: 0.5 }, DENSE], None);
    }

    #[test]
    fn kernels_of_convolutions_lie_as_oihw_and_tensors_are_aligned() {
        let network = network([8, 8, 3], &[conv(Padding::Valid, 1, Activation::Relu), Layer::Flatten, DENSE]);
        let laid = Laid::new(stages(&network).unwrap(), network.parameter_count());
        // HWIO (1, 2, 1, 3) of (3, 3, 3, 4).
        assert_eq!(laid.places[((3 + 2) * 3 + 1) * 4 + 3], ((3 * 3 + 1) * 3 + 1) * 3 + 2);
        let tensors: Vec<Range<usize>> = laid
            .stages
            .iter()
            .filter_map(Stage::own)
            .flat_map(|own| [own.kernel.clone(), own.bias.clone()])
            .collect();
        assert_eq!(tensors, [0..108, 128..132, 192..1632, 1664..1674]);
        assert_eq!(laid.room, 1728);
        let mut places = laid.places.clone();
        assert_eq!(places[112..], (192..1632).chain(1664..1674).collect::<Vec<u32>>()[..]);
        places.sort_unstable();
        assert!(places.into_iter().map(|place| place as usize).eq(tensors.into_iter().flatten()));
    }
}
