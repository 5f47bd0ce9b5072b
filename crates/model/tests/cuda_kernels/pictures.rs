//! Varied batches: to the bit what [`dataset::loader`] hands out.

use dataset::augment::{Augmentation, Op};
use dataset::loader::{EpochPlan, LastBatch, Loader};
use dataset::{Dataset, Given, Pictures, Shape, Source};
use streams::{Key, Purpose, Seed};

use crate::host::Number::Whole;
use crate::host::{Array, launch};
use crate::stages::{Batch, Bytes, Launch, Sizes, Stages};
use crate::{size, stream};

/// More of everything than a picture is wide, so that it goes beyond all edges.
const FAR: &str = "flip,shift:12,crop:40,rotate:180,zoom:0.9,brightness:1,contrast:1,noise:1,cutout:13";
const ALL: &str = "flip,shift:4,crop:3,rotate:15,zoom:0.1,brightness:0.1,contrast:0.2,noise:0.02,cutout:8";

const SHAPES: [Shape; 7] = [
    Shape::CIFAR,
    Shape { channels: 1, height: 7, width: 5 },
    Shape { channels: 2, height: 4, width: 9 },
    // More planes than the CPU's resampler takes at once.
    Shape { channels: 5, height: 6, width: 6 },
    Shape { channels: 3, height: 1, width: 8 },
    Shape { channels: 1, height: 3, width: 1 },
    Shape { channels: 1, height: 1, width: 1 },
];

/// Random pictures, some of them nearly black or white all over.
fn dataset(shape: Shape, count: usize) -> Dataset {
    let mut stream = stream(shape.len() as u64);
    let mut pixels = Vec::new();
    for i in 0..count {
        let (low, high) = [(0, 255), (0, 40), (200, 255)][i % 3];
        pixels.extend((0..shape.len()).map(|_| stream.between(low, high) as u8));
    }
    let labels = (0..count).map(|_| stream.below(10) as u8).collect();
    let pictures = Pictures::new(shape, pixels, labels).unwrap();
    let given = Given { train: count, validation: 0, test: 0 };
    Dataset::new(Source::Program, (0..10).map(|i| i.to_string()), pictures, given).unwrap()
}

/// What is on the device for an epoch.
struct Device {
    shape: Shape,
    batch_size: usize,
    epoch: usize,
    stages: Stages,
    dataset: Array,
    all_labels: Array,
    order: Array,
    variations: Array,
    ops: Array,
    levels: Array,
}

impl Device {
    fn new(loader: &Loader, plan: &EpochPlan) -> Self {
        let codes = loader.augmenter().map(|augmenter| augmenter.codes()).unwrap_or_default();
        let stages = Stages::new(&codes).unwrap();
        assert_eq!(stages.words as usize, plan.words);
        let pictures = loader.dataset().pictures();
        Self {
            shape: loader.shape(),
            batch_size: loader.batch_size(),
            epoch: plan.order.len(),
            dataset: pictures.pixels().into(),
            all_labels: pictures.labels().into(),
            order: plan.order.as_slice().into(),
            variations: plan.variations.as_slice().into(),
            ops: stages.ops.as_slice().into(),
            levels: loader.augmenter().map_or(&[][..], |augmenter| augmenter.noise_levels()).into(),
            stages,
        }
    }

    /// Images (B, C, H, W) and labels of a step, of so many pictures.
    fn batch(&self, step: usize, count: usize) -> [Array; 2] {
        let Shape { channels, height, width } = self.shape;
        let values = count * self.shape.len();
        let step = Array::from(&[step as u32][..]);
        let [order, variations, ops] = [&self.order, &self.variations, &self.ops].map(Array::clone);
        let mut buffers = [(); 2].map(|()| Array::unwritten_bytes(values));
        let mut means = Array::unwritten(count * channels);
        let sizes = Sizes {
            epoch: self.epoch as u32,
            batch: self.batch_size as u32,
            pictures: count as u32,
            shape: [channels, height, width].map(|n| n as u32),
        };
        let mut made = None;
        for &it in &self.stages.launches {
            let (Batch(told), threads) = self.stages.told(it, &sizes);
            let numbers = told.map(|number| Whole(number as usize));
            let source = |from: Bytes| match from {
                Bytes::Dataset => self.dataset.clone(),
                Bytes::Buffer(i) => buffers[i].clone(),
            };
            match it {
                Launch::Means { from } => {
                    let arrays = [source(from), means, order.clone(), step.clone()];
                    [_, means, _, _] = launch("pictures_means", threads, &arrays, &numbers);
                }
                Launch::Vary { from, to, .. } => {
                    assert!(from != Bytes::Buffer(to));
                    let arrays = [
                        source(from),
                        buffers[to].clone(),
                        means.clone(),
                        order.clone(),
                        variations.clone(),
                        ops.clone(),
                        step.clone(),
                    ];
                    [_, buffers[to], ..] = launch("pictures_vary", threads, &arrays, &numbers);
                }
                Launch::Noise { buffer, .. } => {
                    let arrays = [
                        buffers[buffer].clone(),
                        self.levels.clone(),
                        variations.clone(),
                        ops.clone(),
                        step.clone(),
                    ];
                    [buffers[buffer], ..] = launch("pictures_noise", threads, &arrays, &numbers);
                }
                Launch::Finish { from, .. } => {
                    let arrays = [
                        source(from),
                        Array::unwritten(values),
                        means.clone(),
                        order.clone(),
                        variations.clone(),
                        ops.clone(),
                        step.clone(),
                        self.all_labels.clone(),
                        Array::unwritten(count),
                    ];
                    let [_, images, .., labels] = launch("pictures_finish", threads, &arrays, &numbers);
                    made = Some([images, labels]);
                }
            }
        }
        made.unwrap()
    }
}

/// An epoch of 11 of 13 pictures in batches of 4, the last of 3, as the loader hands it out and as kernels make it.
#[track_caller]
fn check(text: &str, shape: Shape) {
    let augmentation: Augmentation = text.parse().unwrap();
    let places: Vec<usize> = (1..12).collect();
    let set = dataset(shape, 13);
    let loader = Loader::training(&set, &places, 4, Seed(5), &augmentation).unwrap();
    let device = Device::new(&loader, &loader.epoch_plan(2).unwrap());
    let mut batches = loader.epoch(2).unwrap();
    let mut images = Vec::new();
    for step in 0..loader.steps() {
        let expected = batches.next_batch().unwrap().unwrap();
        let [found, labels] = device.batch(step, expected.labels.len());
        expected.images(&mut images);
        let same = found.words().into_iter().eq(images.iter().map(|x| x.to_bits()));
        assert!(same, "{text}, {shape}, step {step}: {:?}, not {images:?}", found.floats());
        assert_eq!(labels.words(), expected.labels, "{text}, {shape}, step {step}");
    }
    assert!(batches.next_batch().unwrap().is_none());
}

#[test]
fn pictures_as_they_are() {
    SHAPES.into_iter().for_each(|shape| check("none", shape));
}

#[test]
fn each_variation_alone() {
    for word in ALL.split(',').chain(FAR.split(',')) {
        SHAPES.into_iter().for_each(|shape| check(word, shape));
    }
}

#[test]
fn lists_of_variations() {
    for text in ["light", "standard", ALL, FAR] {
        SHAPES.into_iter().for_each(|shape| check(text, shape));
    }
}

/// Any order, so that stages are cut everywhere.
#[test]
fn shuffled_lists_of_variations() {
    for case in 0..60 {
        let mut stream = stream(case);
        let mut words: Vec<&str> = if case % 2 == 0 { ALL } else { FAR }.split(',').collect();
        stream.shuffle(&mut words);
        words.truncate(size(&mut stream, 2, 9));
        let [channels, height, width] = [6, 10, 10].map(|most| size(&mut stream, 1, most));
        check(&words.join(","), Shape { channels, height, width });
    }
}

#[test]
fn places_beyond_the_epoch_are_left_alone() {
    let shape = Shape { channels: 3, height: 4, width: 4 };
    let loader = |last| {
        let augmentation = "contrast:0.5,noise:0.1,flip".parse().unwrap();
        let set = dataset(shape, 11);
        let places: Vec<usize> = (0..11).collect();
        Loader::training(&set, &places, 4, Seed(5), &augmentation).unwrap().last_batch(last)
    };
    let kept = loader(LastBatch::Keep);
    let device = Device::new(&kept, &kept.epoch_plan(0).unwrap());
    let [short, whole] = [3, 4].map(|count| device.batch(2, count));
    let picture = 4 * shape.len();
    assert_eq!(short[0].bytes(), &whole[0].bytes()[..3 * picture]);
    assert_eq!(&whole[0].bytes()[3 * picture..], vec![0xff; picture]);
    assert_eq!(whole[1].words()[..3], short[1].words());
    assert_eq!(whole[1].words()[3], u32::MAX);
    // Of an epoch that drops them, and of no epoch.
    let dropped = loader(LastBatch::Drop);
    let device = Device::new(&dropped, &dropped.epoch_plan(0).unwrap());
    for step in [2, u32::MAX as usize] {
        assert!(device.batch(step, 4).iter().all(|array| array.bytes().iter().all(|&byte| byte == 0xff)));
    }
    assert_ne!(device.batch(1, 4)[1].words(), [u32::MAX; 4]);
}

#[test]
fn words_of_streams() {
    const BLOCKS: usize = 70;
    for case in 0..20 {
        let key = Seed(u64::MAX - case).key(
            Purpose::new("noise"),
            case << 40,
            case.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        );
        let mut expected = vec![0; 16 * BLOCKS];
        key.stream().fill(&mut expected);
        let Key(words) = key;
        let arrays = [Array::from(&words[..]), Array::unwritten(16 * BLOCKS)];
        let [_, found] = launch("words_of_stream", BLOCKS, &arrays, &[Whole(BLOCKS)]);
        assert_eq!(found.words(), expected);
    }
}

#[test]
fn kernels_of_lists() {
    let check = |text: &str, expected: &[&str]| {
        let codes: Vec<u32> =
            text.parse::<Augmentation>().unwrap().ops().iter().map(|op: &Op| op.code()).collect();
        let launches = Stages::new(&codes).unwrap().launches;
        let names: Vec<&str> = launches
            .iter()
            .map(|launch| match launch {
                Launch::Means { .. } => "means",
                Launch::Vary { .. } => "vary",
                Launch::Noise { .. } => "noise",
                Launch::Finish { .. } => "finish",
            })
            .collect();
        assert_eq!(names, expected, "{text}");
    };
    check("none", &["finish"]);
    check("light", &["finish"]);
    check("crop:4,flip,cutout:8", &["finish"]);
    check("contrast:0.2", &["means", "finish"]);
    check("standard", &["vary", "noise", "finish"]);
    check("rotate:15,zoom:0.1", &["vary", "finish"]);
    check("rotate:15,contrast:0.2,flip,zoom:0.1", &["vary", "means", "vary", "finish"]);
    check(ALL, &["vary", "vary", "means", "vary", "noise", "finish"]);
    assert_eq!(Stages::new(&[0, 8]), Err(8));
}
