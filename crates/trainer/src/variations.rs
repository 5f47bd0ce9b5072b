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
    let subtitle = format!("Augmentation {}", config.augment);
    Ok(sheet(&data.dataset.source().to_string(), &subtitle, &rows(data, config, show))?)
}

/// The originals, then a row an epoch.
fn rows(data: &Data, config: &Config, show: Variations) -> Vec<SheetRow> {
    let pictures = data.dataset.pictures();
    let shape = pictures.shape();
    let size = [shape.channels, shape.height, shape.width];
    let places = &data.split.train[..show.pictures.min(data.split.train.len())];
    let originals = places.iter().filter_map(|&i| Thumbnail::of_planes(size, pictures.picture(i)));
    let mut rows = vec![SheetRow { name: "original".into(), pictures: originals.collect() }];
    let mut augmenter = Augmenter::new(&config.augment, shape);
    for epoch in 0..show.epochs {
        let varied = places.iter().filter_map(|&i| {
            let sample = data.dataset.digests()[i].name();
            let mut planes = pictures.picture(i).to_vec();
            augmenter.vary(&mut planes, Occasion { seed: Seed(config.seed), epoch, sample });
            Thumbnail::of_planes(size, &planes)
        });
        rows.push(SheetRow { name: format!("epoch {}", epoch + 1), pictures: varied.collect() });
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use dataset::loader::Loader;

    use super::*;
    use crate::config::DatasetName;

    #[test]
    fn what_is_shown_is_what_training_sees() {
        let augment = "flip,shift:4,rotate:15,noise:0.02".parse().unwrap();
        let config =
            Config { dataset: DatasetName::Shapes, augment, limit: Some(40), seed: 3, ..Config::default() };
        let data = Data::load(&config, Path::new("nowhere"), &|_, _| ()).unwrap();
        let shown = rows(&data, &config, Variations { pictures: 5, epochs: 3 });
        assert_eq!(shown.iter().map(|row| row.pictures.len()).collect::<Vec<_>>(), [5; 4]);
        let loader =
            Loader::training(&data.dataset, &data.split.train, 40, Seed(3), &config.augment).unwrap();
        for (epoch, row) in (0..).zip(&shown[1..]) {
            let mut batches = loader.epoch(epoch).unwrap();
            let batch = batches.next_batch().unwrap().unwrap();
            let seen: Vec<_> =
                batch.pixels.chunks(3072).map(|p| Thumbnail::of_planes([3, 32, 32], p).unwrap()).collect();
            assert!(row.pictures.iter().all(|picture| seen.contains(picture)), "epoch {epoch}");
            assert!(row.pictures != shown[0].pictures);
        }
    }
}
