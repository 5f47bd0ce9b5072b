//! Runs a graph in `f64` as the operators' descriptions say, and refuses one that is not well formed; knows nothing
//! of how graphs are made.

use std::collections::HashMap;

use super::message::{Attribute, Dimension, Graph, Node, Size, ValueInfo};

/// Numbers of a shape, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) numbers: Vec<f64>,
}

/// The one output of a graph for its one input.
pub(super) fn run(graph: &Graph, input: Array) -> Array {
    let ([from], [to]) = (graph.input.as_slice(), graph.output.as_slice()) else {
        panic!("expected one input and one output");
    };
    let mut values = HashMap::new();
    let define = |values: &mut HashMap<String, Array>, name: &str, value: Array| {
        assert!(values.insert(name.to_owned(), value).is_none(), "{name} is defined twice");
    };
    for constant in &graph.initializer {
        let shape: Vec<usize> = constant.dims.iter().map(|&side| side.try_into().unwrap()).collect();
        assert_eq!(constant.data_type, 1, "{} is not of floats", constant.name);
        let numbers = constant.raw_data.as_chunks().0.iter().map(|&b| f64::from(f32::from_le_bytes(b)));
        define(&mut values, &constant.name, Array::new(shape, numbers.collect()));
    }
    fits(from, &input.shape);
    define(&mut values, &from.name, input);
    let mut names = Vec::new();
    for node in &graph.node {
        assert!(!names.contains(&&node.name), "two nodes are named {}", node.name);
        names.push(&node.name);
        let inputs: Vec<&Array> = node
            .input
            .iter()
            .map(|name| {
                values.get(name).unwrap_or_else(|| panic!("{}: {name} is not defined before it", node.name))
            })
            .collect();
        let output = compute(node, &inputs);
        let [name] = node.output.as_slice() else { panic!("{} has not one output", node.name) };
        define(&mut values, name, output);
    }
    for constant in &graph.initializer {
        let used = |node: &Node| node.input.contains(&constant.name);
        assert!(graph.node.iter().any(used), "{} is used nowhere", constant.name);
    }
    let output = values.remove(&to.name).unwrap_or_else(|| panic!("{} is not defined", to.name));
    fits(to, &output.shape);
    output
}

/// Refuses a value of another shape than declared.
fn fits(declared: &ValueInfo, found: &[usize]) {
    let tensor = declared.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).unwrap();
    assert_eq!(tensor.elem_type, 1, "{}", declared.name);
    let declared_sizes = &tensor.shape.as_ref().unwrap().dim;
    let fits = |(size, &found): (&Dimension, &usize)| match &size.value {
        Some(Size::Value(size)) => *size == found as i64,
        Some(Size::Param(name)) => name == "batch",
        None => false,
    };
    let same = declared_sizes.len() == found.len() && declared_sizes.iter().zip(found).all(fits);
    assert!(same, "{}: declared as {declared_sizes:?}, found {found:?}", declared.name);
}

fn compute(node: &Node, inputs: &[&Array]) -> Array {
    let known = |names: &[&str]| {
        for attribute in &node.attribute {
            assert!(names.contains(&attribute.name.as_str()), "{}: {}", node.op_type, attribute.name);
        }
    };
    let float = |name: &str| f64::from(find(node, name).and_then(|a| a.f).unwrap());
    let x = inputs[0];
    match (node.op_type.as_str(), inputs) {
        ("Conv", [_, weight, bias @ ..]) => {
            known(&["kernel_shape", "strides", "pads"]);
            convolution(x, weight, bias.first().copied(), &Window::of(node, &x.shape))
        }
        ("MaxPool", [_]) => {
            known(&["kernel_shape", "strides"]);
            Window::of(node, &x.shape).pooled(x, |cells| cells.iter().copied().fold(f64::MIN, f64::max))
        }
        ("AveragePool", [_]) => {
            known(&["kernel_shape", "strides"]);
            let mean = |cells: &[f64]| cells.iter().sum::<f64>() / cells.len() as f64;
            Window::of(node, &x.shape).pooled(x, mean)
        }
        ("GlobalMaxPool", [_]) => global(x, |cells| cells.iter().copied().fold(f64::MIN, f64::max)),
        ("GlobalAveragePool", [_]) => global(x, |cells| cells.iter().sum::<f64>() / cells.len() as f64),
        ("BatchNormalization", [_, scale, shift, mean, variance]) => {
            known(&["epsilon"]);
            let epsilon = float("epsilon");
            let inner: usize = x.shape[2..].iter().product();
            let number = |(at, &value): (usize, &f64)| {
                let c = at / inner % x.shape[1];
                let deviation = (variance.numbers[c] + epsilon).sqrt();
                (value - mean.numbers[c]) / deviation * scale.numbers[c] + shift.numbers[c]
            };
            Array::new(x.shape.clone(), x.numbers.iter().enumerate().map(number).collect())
        }
        ("Gemm", [_, weight, bias @ ..]) => {
            known(&["transB"]);
            assert_eq!(find(node, "transB").and_then(|a| a.i), Some(1));
            let [outputs, width] = weight.shape[..] else { panic!("{:?}", weight.shape) };
            assert_eq!(x.shape[1..], [width]);
            let row = |x: &[f64], o: usize| {
                let weight = &weight.numbers[o * width..][..width];
                let sum: f64 = x.iter().zip(weight).map(|(x, w)| x * w).sum();
                sum + bias.first().map_or(0.0, |bias| bias.numbers[o])
            };
            let numbers =
                x.numbers.chunks(width).flat_map(|x| (0..outputs).map(move |o| row(x, o))).collect();
            Array::new(vec![x.shape[0], outputs], numbers)
        }
        ("Flatten", [_]) => {
            known(&[]);
            Array::new(vec![x.shape[0], x.shape[1..].iter().product()], x.numbers.clone())
        }
        ("Relu", [_]) => x.map(|x| x.max(0.0)),
        ("LeakyRelu", [_]) => {
            known(&["alpha"]);
            x.map(|x| if x < 0.0 { x * float("alpha") } else { x })
        }
        ("Elu", [_]) => {
            known(&["alpha"]);
            x.map(|x| if x < 0.0 { x.exp_m1() * float("alpha") } else { x })
        }
        ("Sigmoid", [_]) => x.map(|x| 1.0 / (1.0 + (-x).exp())),
        ("Tanh", [_]) => x.map(f64::tanh),
        ("Erf", [_]) => x.map(libm::erf),
        ("Add", [_, y]) => x.with(y, |x, y| x + y),
        ("Mul", [_, y]) => x.with(y, |x, y| x * y),
        _ => panic!("{} of {} values is not known here", node.op_type, inputs.len()),
    }
}

fn find<'a>(node: &'a Node, name: &str) -> Option<&'a Attribute> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

impl Array {
    pub(super) fn new(shape: Vec<usize>, numbers: Vec<f64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), numbers.len(), "{shape:?}");
        Self { shape, numbers }
    }

    /// With an array of this shape, or with one number.
    fn with(&self, other: &Self, function: impl Fn(f64, f64) -> f64) -> Self {
        assert!(other.shape == self.shape || other.shape.is_empty(), "{:?}, {:?}", self.shape, other.shape);
        let others = other.numbers.iter().cycle();
        let numbers = self.numbers.iter().zip(others).map(|(&x, &y)| function(x, y)).collect();
        Self::new(self.shape.clone(), numbers)
    }

    fn map(&self, function: impl Fn(f64) -> f64) -> Self {
        Self::new(self.shape.clone(), self.numbers.iter().map(|&x| function(x)).collect())
    }
}

/// Where a window stands in a picture.
struct Window {
    kernel: [usize; 2],
    strides: [usize; 2],
    /// Above and left; those below and right only count for the number of places.
    before: [usize; 2],
    picture: [usize; 2],
    places: [usize; 2],
}

impl Window {
    fn of(node: &Node, input: &[usize]) -> Self {
        let list = |name: &str, default: [usize; 4]| {
            let found = find(node, name).map(|a| a.ints.iter().map(|&n| n.try_into().unwrap()).collect());
            found.unwrap_or_else(|| default.to_vec())
        };
        let (kernel, strides, pads) =
            (list("kernel_shape", [0; 4]), list("strides", [1; 4]), list("pads", [0; 4]));
        let picture = [input[2], input[3]];
        let place = |a: usize| (picture[a] + pads[a] + pads[2 + a] - kernel[a]) / strides[a] + 1;
        Self {
            kernel: [kernel[0], kernel[1]],
            strides: [strides[0], strides[1]],
            before: [pads[0], pads[1]],
            picture,
            places: [place(0), place(1)],
        }
    }

    /// For the window at a place: places in the kernel with their places in the picture, but for what is outside.
    fn cells(&self, place: [usize; 2]) -> impl Iterator<Item = (usize, usize)> {
        let [kh, kw] = self.kernel;
        (0..kh * kw).filter_map(move |at| {
            let [u, v] = [at / kw, at % kw];
            let row = (place[0] * self.strides[0] + u).checked_sub(self.before[0])?;
            let column = (place[1] * self.strides[1] + v).checked_sub(self.before[1])?;
            (row < self.picture[0] && column < self.picture[1]).then(|| (at, row * self.picture[1] + column))
        })
    }

    fn all_places(&self) -> impl Iterator<Item = [usize; 2]> {
        let [rows, columns] = self.places;
        (0..rows * columns).map(move |at| [at / columns, at % columns])
    }

    fn pooled(&self, x: &Array, fold: impl Fn(&[f64]) -> f64) -> Array {
        let mut numbers = Vec::new();
        for plane in x.numbers.chunks(self.picture[0] * self.picture[1]) {
            for place in self.all_places() {
                let cells: Vec<f64> = self.cells(place).map(|(_, at)| plane[at]).collect();
                numbers.push(fold(&cells));
            }
        }
        Array::new(vec![x.shape[0], x.shape[1], self.places[0], self.places[1]], numbers)
    }
}

fn convolution(x: &Array, weight: &Array, bias: Option<&Array>, window: &Window) -> Array {
    let [filters, channels, kh, kw] = weight.shape[..] else { panic!("{:?}", weight.shape) };
    assert_eq!((x.shape[1], window.kernel), (channels, [kh, kw]));
    let plane = window.picture[0] * window.picture[1];
    let mut numbers = Vec::new();
    for picture in x.numbers.chunks(channels * plane) {
        for (o, weight) in weight.numbers.chunks(channels * kh * kw).enumerate() {
            for place in window.all_places() {
                let mut sum = bias.map_or(0.0, |bias| bias.numbers[o]);
                for (k, at) in window.cells(place) {
                    let term = |c: usize| picture[c * plane + at] * weight[c * kh * kw + k];
                    sum += (0..channels).map(term).sum::<f64>();
                }
                numbers.push(sum);
            }
        }
    }
    Array::new(vec![x.shape[0], filters, window.places[0], window.places[1]], numbers)
}

fn global(x: &Array, fold: impl Fn(&[f64]) -> f64) -> Array {
    let numbers = x.numbers.chunks(x.shape[2] * x.shape[3]).map(fold).collect();
    Array::new(vec![x.shape[0], x.shape[1], 1, 1], numbers)
}
