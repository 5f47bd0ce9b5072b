//! What augmentation makes of some training pictures, as a picture: originals above what training sees in its
//! first epochs.

use dataset::augment::{Augmenter, Occasion};
use figures::{Figure, SheetRow, Thumbnail, sheet};
use streams::Seed;

use crate::Result;
use crate::config::Config;
use crate::data::Data;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variations {
    /// Training pictures beside each other.
    pub pictures: usize,
    /// Epochs below each other.
    pub epochs: u64,
}

impl Variations {
    /// What a run logs for TensorBoard.
    pub const OF_A_RUN: Self = Self { pictures: 8, epochs: 5 };
}

/// Draws the first training pictures, and below them what the configuration's augmentation makes of them in the
/// first epochs: the very pictures that training sees then.
///
/// # Errors
/// If the picture cannot be drawn.
pub fn variations(data: &Data, config: &Config, show: Variations) -> Result<Figure> {
    let pictures = data.dataset.pictures();
    let shape = pictures.shape();
    let places = &data.split.train[..show.pictures.min(data.split.train.len())];
    let thumbnail = |planes: &[u8]| Thumbnail::of_planes([shape.channels, shape.height, shape.width], planes);
    let originals = places.iter().filter_map(|&i| thumbnail(pictures.picture(i))).collect();
    let mut rows = vec![SheetRow { name: "original".into(), pictures: originals }];
    let mut augmenter = Augmenter::new(&config.augment, shape);
    for epoch in 0..show.epochs {
        let mut varied = |&i: &usize| {
            let sample = data.dataset.digests()[i].name();
            let mut planes = pictures.picture(i).to_vec();
            augmenter.vary(&mut planes, Occasion { seed: Seed(config.seed), epoch, sample });
            thumbnail(&planes)
        };
        let pictures = places.iter().filter_map(&mut varied).collect();
        rows.push(SheetRow { name: format!("epoch {}", epoch + 1), pictures });
    }
    let subtitle = format!("{} · seed {}", data.dataset.source(), config.seed);
    Ok(sheet(&format!("Augmentation {}", config.augment), &subtitle, &rows)?)
}
