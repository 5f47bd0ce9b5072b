//! Cuts the variations of pictures into what `pictures.cu` does in one kernel; knows nothing of devices.
//!
//! Codes and words are those of the table in `dataset::augment::draw`.

/// Values that a thread adds noise to: what a block of its stream gives.
const NOISE_PART: usize = 32;

/// What an op is to a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Takes whole pixels from elsewhere.
    Move,
    /// Mixes pixels from elsewhere.
    Resample,
    /// Changes a value where it is.
    Point,
    /// A point that asks for its plane's mean.
    Contrast,
    /// Is done for many values at once.
    Noise,
}

/// Kind and words of each code.
const KINDS: [(Kind, u32); 8] = [
    (Kind::Move, 1),
    (Kind::Move, 2),
    (Kind::Move, 2),
    (Kind::Resample, 4),
    (Kind::Point, 1),
    (Kind::Contrast, 1),
    (Kind::Noise, 8),
    (Kind::Point, 3),
];

/// Bytes that a kernel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// Those of the dataset, by the order of the epoch.
    Dataset,
    /// Those of the batch in one of two buffers.
    Buffer(usize),
}

/// One kernel; ops by the places of the first and behind the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Launch {
    /// Means of planes, for the next one.
    Means { from: Bytes },
    /// A stage, into a buffer.
    Vary { from: Bytes, to: usize, ops: [u32; 2] },
    /// Noise onto a buffer.
    Noise { buffer: usize, op: u32 },
    /// The last stage, and numbers of its bytes.
    Finish { from: Bytes, ops: [u32; 2] },
}

/// The sizes of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Pictures of an epoch.
    pub(crate) epoch: u32,
    /// Pictures of a step.
    pub(crate) batch: u32,
    /// Pictures of this step.
    pub(crate) pictures: u32,
    /// (C, H, W)
    pub(crate) shape: [u32; 3],
}

/// What all kernels are told: `Batch` in `pictures.cu`, number by number.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch(pub(crate) [u32; 10]);

/// What makes a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stages {
    /// Kernels in their order.
    pub(crate) launches: Vec<Launch>,
    /// Code and first word of each op.
    pub(crate) ops: Vec<u32>,
    /// Words of a picture's record.
    pub(crate) words: u32,
}

impl Stages {
    /// Cuts the ops of these codes.
    ///
    /// # Errors
    /// The code that is none.
    pub(crate) fn new(codes: &[u32]) -> Result<Self, u32> {
        let mut it = Self { launches: Vec::new(), ops: Vec::new(), words: 0 };
        let (mut from, mut first) = (Bytes::Dataset, 0);
        // What the stage that begins at `first` has so far.
        let (mut resamples, mut points) = (false, false);
        for (op, &code) in (0u32..).zip(codes) {
            let &(kind, words) = KINDS.get(code as usize).ok_or(code)?;
            it.ops.extend([code, it.words]);
            it.words += words;
            let fits = match kind {
                Kind::Move => !points,
                Kind::Resample => !points && !resamples,
                Kind::Point => true,
                Kind::Contrast => op == first,
                // What it is added to must be in a buffer.
                Kind::Noise => op == first && from != Bytes::Dataset,
            };
            if !fits {
                from = it.vary(from, [first, op]);
                (first, resamples, points) = (op, false, false);
            }
            match kind {
                Kind::Move => {}
                Kind::Resample => resamples = true,
                Kind::Point => points = true,
                Kind::Contrast => {
                    it.launches.push(Launch::Means { from });
                    points = true;
                }
                Kind::Noise => {
                    if let Bytes::Buffer(buffer) = from {
                        it.launches.push(Launch::Noise { buffer, op });
                    }
                    first = op + 1;
                }
            }
        }
        let until = it.ops.len() as u32 / 2;
        it.launches.push(Launch::Finish { from, ops: [first, until] });
        Ok(it)
    }

    /// What the kernel of a launch is told, and its threads.
    pub(crate) fn told(&self, launch: Launch, sizes: &Sizes) -> (Batch, usize) {
        let &Sizes { epoch, batch, pictures, shape: [channels, height, width] } = sizes;
        let values = [channels, height, width].map(|n| n as usize).iter().product::<usize>();
        let (from, [first, until], threads) = match launch {
            Launch::Means { from } => (from, [0, 0], channels as usize),
            Launch::Vary { from, ops, .. } | Launch::Finish { from, ops } => (from, ops, values),
            Launch::Noise { buffer, op } => {
                (Bytes::Buffer(buffer), [op, op + 1], values.div_ceil(NOISE_PART))
            }
        };
        let from_dataset = u32::from(from == Bytes::Dataset);
        let all = [from_dataset, first, until, self.words, epoch, batch, pictures, channels, height, width];
        (Batch(all), pictures as usize * threads)
    }

    /// Ends a stage.
    fn vary(&mut self, from: Bytes, ops: [u32; 2]) -> Bytes {
        let to = usize::from(from == Bytes::Buffer(0));
        self.launches.push(Launch::Vary { from, to, ops });
        Bytes::Buffer(to)
    }
}
