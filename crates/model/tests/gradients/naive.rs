//! Layers in `f64` as their formulas stand, in the layouts of Keras: the reference.

/// A convolution with the same stride and padding in both directions; with a picture and a kernel of one place, a
/// dense layer.
pub(crate) struct Conv {
    /// `(H, W, IC)`.
    pub(crate) input: [usize; 3],
    pub(crate) kernel: [usize; 2],
    pub(crate) filters: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
}

impl Conv {
    pub(crate) fn dense(inputs: usize, filters: usize) -> Self {
        Self { input: [1, 1, inputs], kernel: [1, 1], filters, stride: 1, padding: 0 }
    }

    /// `(OH, OW, OC)`.
    pub(crate) fn output(&self) -> [usize; 3] {
        let side = |axis| (self.input[axis] + 2 * self.padding - self.kernel[axis]) / self.stride + 1;
        [side(0), side(1), self.filters]
    }

    /// Every product of the sum, by its places in result, input and weights.
    fn products(&self, batch: usize, mut product: impl FnMut(usize, usize, usize)) {
        let ([h, w, channels], [oh, ow, filters], [kh, kw]) = (self.input, self.output(), self.kernel);
        for (b, i, j) in places([batch, oh, ow]) {
            let y = ((b * oh + i) * ow + j) * filters;
            for (u, v, c) in places([kh, kw, channels]) {
                // Where a place before the picture wraps around, it is past its end.
                let row = (i * self.stride + u).wrapping_sub(self.padding);
                let column = (j * self.stride + v).wrapping_sub(self.padding);
                if row < h && column < w {
                    let x = ((b * h + row) * w + column) * channels + c;
                    let weight = ((u * kw + v) * channels + c) * filters;
                    for o in 0..filters {
                        product(y + o, x, weight + o);
                    }
                }
            }
        }
    }

    pub(crate) fn forward(&self, batch: usize, x: &[f64], w: &[f64], bias: &[f64]) -> Vec<f64> {
        let places = batch * self.output()[0] * self.output()[1];
        let mut y = bias.repeat(places);
        self.products(batch, |to, from, weight| y[to] += x[from] * w[weight]);
        y
    }

    /// The gradients of input, weights and bias.
    pub(crate) fn backward(&self, batch: usize, x: &[f64], w: &[f64], dy: &[f64]) -> [Vec<f64>; 3] {
        let (mut dx, mut dw, mut bias) = (vec![0.0; x.len()], vec![0.0; w.len()], vec![0.0; self.filters]);
        self.products(batch, |to, from, weight| {
            dx[from] += dy[to] * w[weight];
            dw[weight] += dy[to] * x[from];
        });
        for (i, dy) in dy.iter().enumerate() {
            bias[i % self.filters] += dy;
        }
        [dx, dw, bias]
    }
}

fn places([n, m, l]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..n).flat_map(move |i| (0..m).flat_map(move |j| (0..l).map(move |k| (i, j, k))))
}

/// For every element of a pooling's result, the places of its window in `(B, H, W, C)`, row-major.
pub(crate) fn windows(
    batch: usize,
    [h, w, channels]: [usize; 3],
    window: [usize; 2],
    stride: [usize; 2],
) -> Vec<Vec<usize>> {
    let (oh, ow) = ((h - window[0]) / stride[0] + 1, (w - window[1]) / stride[1] + 1);
    let mut windows = Vec::new();
    for (b, i, j) in places([batch, oh, ow]) {
        for c in 0..channels {
            let place = |u, v| ((b * h + i * stride[0] + u) * w + j * stride[1] + v) * channels + c;
            windows.push(places([window[0], window[1], 1]).map(|(u, v, _)| place(u, v)).collect());
        }
    }
    windows
}

/// Where the first greatest of each window is.
pub(crate) fn greatest(x: &[f64], windows: &[Vec<usize>]) -> Vec<usize> {
    let first = |window: &Vec<usize>| window.iter().copied().reduce(|a, b| if x[b] > x[a] { b } else { a });
    windows.iter().filter_map(first).collect()
}

pub(crate) fn relu(x: &[f64]) -> Vec<f64> {
    x.iter().map(|x| x.max(0.0)).collect()
}

/// The mean cross-entropy with smoothed labels, and its gradient.
pub(crate) fn cross_entropy(logits: &[f64], labels: &[u32], smoothing: f64) -> (f64, Vec<f64>) {
    let classes = logits.len() / labels.len();
    let (mut loss, mut gradient) = (0.0, Vec::new());
    for (z, label) in logits.chunks_exact(classes).zip(labels) {
        let total: f64 = z.iter().map(|z| z.exp()).sum();
        for (class, z) in z.iter().enumerate() {
            let hot = if class == *label as usize { 1.0 - smoothing } else { 0.0 };
            let target = hot + smoothing / classes as f64;
            loss -= target * (z - total.ln()) / labels.len() as f64;
            gradient.push((z.exp() / total - target) / labels.len() as f64);
        }
    }
    (loss, gradient)
}

/// Row-major numbers of a shape with their axes in another order.
pub(crate) fn permute(values: &[f64], shape: &[usize], order: &[usize]) -> Vec<f64> {
    let strides: Vec<usize> = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
    let mut places = vec![0];
    for &axis in order {
        let along = |place: usize| (0..shape[axis]).map(move |i| (place, i));
        places = places.into_iter().flat_map(along).map(|(place, i)| place + i * strides[axis]).collect();
    }
    places.into_iter().map(|place| values[place]).collect()
}

/// The gradient of a scalar function by central differences, for the arguments at `places`.
pub(crate) fn differences(
    values: &[f64],
    places: impl IntoIterator<Item = usize>,
    f: impl Fn(&[f64]) -> f64,
) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let mut values = values.to_vec();
    let mut slope = |place: usize| {
        let middle = values[place];
        values[place] = middle + STEP;
        let above = f(&values);
        values[place] = middle - STEP;
        let below = f(&values);
        values[place] = middle;
        (above - below) / (2.0 * STEP)
    };
    places.into_iter().map(&mut slope).collect()
}
