//! What comes in which batch, on how many threads ever.

use super::*;
use crate::{Given, Pictures, Source};

const SHAPE: Shape = Shape { channels: 1, height: 1, width: 2 };

/// Picture i has the pixels i and 255 - i and the label i.
fn dataset(count: u8) -> Dataset {
    let pixels = (0..count).flat_map(|i| [i, 255 - i]).collect();
    let pictures = Pictures::new(SHAPE, pixels, (0..count).collect()).unwrap();
    let given = Given { train: usize::from(count), validation: 0, test: 0 };
    Dataset::new(Source::Program, (0..count.max(2)).map(|i| i.to_string()), pictures, given).unwrap()
}

fn all(mut batches: Batches) -> Vec<Batch> {
    let mut all = Vec::new();
    while let Some(batch) = batches.next_batch().unwrap() {
        all.push(batch.clone());
    }
    all
}

fn epoch(loader: &Loader, epoch: u64) -> Vec<Batch> {
    all(loader.epoch(epoch).unwrap())
}

fn labels(batches: &[Batch]) -> Vec<u32> {
    batches.iter().flat_map(|batch| batch.labels.clone()).collect()
}

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

#[test]
fn evaluation_keeps_the_order_and_the_short_last_batch() {
    let loader = Loader::evaluation(&dataset(9), &[8, 0, 3, 4, 1], 2).unwrap();
    let batches = epoch(&loader, 0);
    assert_eq!((loader.len(), loader.steps(), batches.len()), (5, 3, 3));
    assert_eq!(labels(&batches), [8, 0, 3, 4, 1]);
    assert_eq!(batches[2].labels, [1]);
    assert_eq!(batches[0].pixels, [8, 247, 0, 255]);
    assert_eq!(batches, epoch(&loader, 1));
}

#[test]
fn a_short_last_batch_is_dropped_on_request() {
    let check = |places: &[usize], expect: &[u32]| {
        let loader = Loader::evaluation(&dataset(9), places, 2).unwrap().last_batch(LastBatch::Drop);
        let batches = epoch(&loader, 0);
        assert_eq!(labels(&batches), expect);
        assert_eq!((loader.len(), loader.steps()), (expect.len(), batches.len()));
        assert_eq!(loader.is_empty(), expect.is_empty());
    };
    check(&[8, 0, 3, 4, 1], &[8, 0, 3, 4]);
    check(&[8, 0, 3, 4], &[8, 0, 3, 4]);
    check(&[8], &[]);
}

#[test]
fn training_shuffles_anew_in_every_epoch() {
    let (set, places) = (dataset(100), (10..90).collect::<Vec<_>>());
    let loader = |seed| Loader::training(&set, &places, 32, seed, &Augmentation::none()).unwrap();
    let (first, second) = (epoch(&loader(Seed(1)), 0), epoch(&loader(Seed(1)), 1));
    assert_eq!(first, epoch(&loader(Seed(1)), 0));
    assert_ne!(labels(&first), labels(&second));
    assert_ne!(labels(&first), labels(&epoch(&loader(Seed(2)), 0)));
    for batches in [first, second] {
        assert_eq!(batches.iter().map(|b| b.labels.len()).collect::<Vec<_>>(), [32, 32, 16]);
        let mut seen = labels(&batches);
        seen.sort_unstable();
        assert!(seen.into_iter().eq(10..90));
        // Pixels stay with their labels.
        for batch in batches {
            for (picture, &label) in batch.pixels.chunks(2).zip(&batch.labels) {
                assert_eq!(u32::from(picture[0]), label);
            }
        }
    }
}

#[test]
fn threads_and_interruptions_change_nothing() {
    let (set, places) = (dataset(100), (0..100).collect::<Vec<_>>());
    let loader = Loader::training(&set, &places, 7, Seed(1), &"flip,noise:0.1".parse().unwrap()).unwrap();
    let expect = epoch(&loader, 3);
    for count in [2, 3, 20] {
        let many = loader.clone().workers(threads(count));
        assert_eq!(epoch(&many, 3), expect);
        for step in [0, 1, 7, 14, 15, 99] {
            let rest = all(many.epoch_from(3, step).unwrap());
            assert_eq!(rest, expect[step.min(expect.len())..]);
        }
    }
}

#[test]
fn a_variation_follows_its_picture_not_its_place() {
    let varied = |set: &Dataset, places: &[usize], batch_size| {
        let augmentation = "flip,noise:0.1".parse().unwrap();
        let loader = Loader::training(set, places, batch_size, Seed(1), &augmentation).unwrap();
        let batches = epoch(&loader, 3);
        let pixels: Vec<u8> = batches.iter().flat_map(|batch| batch.pixels.clone()).collect();
        let place = labels(&batches).iter().position(|&label| label == 17).unwrap();
        pixels[2 * place..][..2].to_vec()
    };
    let places: Vec<usize> = (0..40).collect();
    assert_eq!(varied(&dataset(40), &places, 7), varied(&dataset(60), &[3, 17, 5], 2));
    assert_ne!(varied(&dataset(40), &places, 7), [17, 238]);
}

#[test]
fn a_plan_is_the_epoch_in_numbers() {
    let set = dataset(100);
    let check = |text: &str, last_batch| {
        let augmentation: Augmentation = text.parse().unwrap();
        let places: Vec<usize> = (3..98).collect();
        let loader =
            Loader::training(&set, &places, 32, Seed(1), &augmentation).unwrap().last_batch(last_batch);
        let plan = loader.epoch_plan(3).unwrap();
        let batches = epoch(&loader, 3);
        assert!(plan.order.iter().copied().eq(labels(&batches)));
        assert!(plan.samples.iter().eq(batches.iter().flat_map(|batch| &batch.samples)));
        assert_eq!(plan.order.len(), loader.len());
        assert_ne!(plan, loader.epoch_plan(4).unwrap());
        let mut expect = Vec::new();
        if let Some(augmenter) = loader.augmenter() {
            for &sample in &plan.samples {
                let occasion = crate::augment::Occasion { seed: Seed(1), epoch: 3, sample };
                augmenter.draw(occasion).for_each(|change| change.words(&mut expect));
            }
        }
        assert_eq!(plan.variations, expect);
        plan.words
    };
    assert_eq!(check("none", LastBatch::Keep), 0);
    assert_eq!(check("standard", LastBatch::Keep), 15);
    let all = "flip,shift:4,crop:3,rotate:15,zoom:0.1,brightness:0.1,contrast:0.2,noise:0.02,cutout:8";
    assert_eq!(check(all, LastBatch::Drop), 26);
    let evaluation = Loader::evaluation(&set, &[8, 0, 3], 2).unwrap();
    assert_eq!(evaluation.epoch_plan(1).unwrap().order, [8, 0, 3]);
    assert!(evaluation.augmenter().is_none());
}

/// No thread is farther ahead than its buffers, as the next test shows; so one that has ended was stopped.
#[test]
fn threads_are_stopped_when_nobody_takes_their_batches() {
    let loader =
        Loader::evaluation(&dataset(200), &(0..200).collect::<Vec<_>>(), 1).unwrap().workers(threads(3));
    let mut batches = loader.epoch(0).unwrap();
    assert_eq!(batches.next_batch().unwrap().unwrap().labels, [0]);
    // Each thread holds the places.
    assert_eq!(Arc::strong_count(&loader.places), 4);
    drop(batches);
    drop(loader.epoch(0).unwrap());
    assert_eq!(Arc::strong_count(&loader.places), 1);
}

#[test]
fn buffers_are_used_again() {
    let loader = Loader::evaluation(&dataset(100), &(0..100).collect::<Vec<_>>(), 2).unwrap();
    let mut batches = loader.epoch(0).unwrap();
    let mut buffers = std::collections::BTreeSet::new();
    while let Some(batch) = batches.next_batch().unwrap() {
        buffers.insert(batch.pixels.as_ptr() as usize);
    }
    assert!(buffers.len() <= 3, "{} buffers for 50 batches", buffers.len());
}

#[test]
fn bytes_are_divided_by_255() {
    let batch = Batch { pixels: (0..=255).collect(), labels: vec![0], samples: vec![0] };
    let mut images = vec![7.0; 3];
    batch.images(&mut images);
    assert!(images.into_iter().eq((0..=255u8).map(|byte| f32::from(byte) / 255.0)));
}

#[test]
fn what_cannot_be_loaded_is_refused() {
    let set = dataset(3);
    let error = |places: &[usize], size| Loader::evaluation(&set, places, size).unwrap_err().to_string();
    assert_eq!(error(&[0, 3], 1), "there is no picture 3 among 3");
    assert_eq!(error(&[0], 0), "a batch of 0 pictures: expected at least 1");
    assert!(epoch(&Loader::evaluation(&set, &[], 4).unwrap(), 0).is_empty());
}
