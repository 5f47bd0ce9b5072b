//! All that TensorBoard shows of a run, as values that can be compared.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use tensorboard::message::What;
use tensorboard::{Data, EventReader, Run, Tag};

/// Below the run's folder; the first one is that folder itself.
const FOLDERS: [&str; 3] = ["", "train", "validation"];
/// The one series that is of the clock.
const OF_THE_CLOCK: &str = "epoch_images_per_second";

/// What each folder shows at each step of each series.
pub(crate) type Charts = BTreeMap<(&'static str, Tag, i64), Data>;

/// The charts of a run, after checks that no step of a series was written twice, and the graph only once.
#[track_caller]
pub(crate) fn charts(run: &Path) -> Charts {
    let mut charts = Charts::new();
    for folder in FOLDERS {
        for sample in Run::open(run.join(folder)).unwrap().samples().unwrap() {
            let sample = sample.unwrap();
            let data = if &*sample.tag == OF_THE_CLOCK { Data::Scalar(0.0) } else { sample.data };
            let place = (folder, sample.tag, sample.step.0);
            assert!(!charts.contains_key(&place), "{place:?} comes twice");
            charts.insert(place, data);
        }
    }
    assert_eq!(graphs(&run.join("train")), 1, "graphs");
    charts
}

/// Checks that two runs show the same at the same steps.
#[track_caller]
pub(crate) fn check_same_charts(found: &Charts, expected: &Charts) {
    let places = |charts: &Charts| charts.keys().cloned().collect::<Vec<_>>();
    assert_eq!(places(found), places(expected));
    for (place, data) in expected {
        assert!(found.get(place) == Some(data), "{place:?} has another value");
    }
}

fn graphs(folder: &Path) -> usize {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let events = files.flat_map(|file| EventReader::new(BufReader::new(File::open(file).unwrap())));
    events.filter(|event| matches!(event.as_ref().unwrap().what, Some(What::GraphDef(_)))).count()
}
