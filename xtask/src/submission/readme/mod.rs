//! The page that a grader reads first: the four points of the assignment in their order, results, diagnosis.
//!
//! It is a function of the run and of `submission.toml`, so that who has these can tell whether it was changed.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`english`], [`polish`] | the page in each language |
//! | [`layers`] | where the weights of each layer lie, at first and at last |

mod english;
mod layers;
mod polish;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::archive::Entry;
use super::contents::Pictures;
use super::origin::Origin;
use crate::finished_run::{Epoch, FinishedRun};
use layers::Layer;

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Language {
    #[serde(rename = "en")]
    English,
    #[serde(rename = "pl")]
    Polish,
}

/// The pages in the languages that `origin` names. The first is README.md.
///
/// # Errors
/// If the run's event files cannot be read.
pub(crate) fn entries(run: &FinishedRun, origin: &Origin, pictures: &Pictures) -> Result<Vec<Entry>> {
    let layers = layers::layers(run)?;
    let page = Page { run, origin, pictures, layers };
    let entry = |(place, language): (usize, &Language)| {
        let name = match (place, language) {
            (0, _) => "README.md",
            (_, Language::English) => "README.en.md",
            (_, Language::Polish) => "README.pl.md",
        };
        let text = match language {
            Language::English => english::text(&page),
            Language::Polish => polish::text(&page),
        };
        Entry::new(name, text.into_bytes())
    };
    Ok(origin.languages.iter().enumerate().map(entry).collect())
}

/// How the names of a layer's pictures begin.
const LAYER_PICTURES: [&str; 3] = ["histograms-", "overlay-", "distributions-"];

/// What a page tells.
struct Page<'a> {
    run: &'a FinishedRun,
    origin: &'a Origin,
    pictures: &'a Pictures,
    layers: Vec<Layer>,
}

impl Page<'_> {
    fn last_epoch(&self) -> Option<&Epoch> {
        self.run.history.last()
    }

    /// What stands in a shell to start the run again.
    fn command(&self) -> String {
        let quoted = |word: &String| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=%+".contains(c);
            let is_plain = !word.is_empty() && word.chars().all(plain);
            if is_plain { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) }
        };
        self.origin.run.command.iter().map(quoted).collect::<Vec<_>>().join(" ")
    }

    /// Parts of all pictures: training, validation, test.
    fn shares(&self) -> [f64; 3] {
        let data = &self.run.data;
        let parts = [data.train, data.validation, data.test].map(|part| part as f64);
        let all: f64 = parts.iter().sum();
        parts.map(|part| part / all.max(1.0))
    }

    /// The picture to look at for a stem such as `histograms-conv2d`: TensorBoard's, where there is one.
    fn chosen(&self, stem: &str) -> Option<&str> {
        let own = self.pictures.own.iter().find(|path| file_stem(path) == stem);
        let offset = format!("{stem}-offset");
        let taken = self.pictures.tensorboard.iter();
        let taken = taken.clone().find(|path| [stem, &offset].contains(&file_stem(path)));
        taken.or(own).map(String::as_str)
    }

    /// The other pictures of a layer, by its part of a file name, as links: TensorBoard's, then our own.
    fn more_of(&self, layer: &str) -> [String; 2] {
        let of = |pictures| self.others_of(layer, pictures);
        [links(&of(&self.pictures.tensorboard)), links(&of(&self.pictures.own))]
    }

    fn others_of<'a>(&self, layer: &str, pictures: &'a [String]) -> Vec<&'a str> {
        let chosen = self.chosen(&format!("histograms-{layer}"));
        let is_of = |path: &&String| {
            let stem = file_stem(path);
            let name = LAYER_PICTURES.iter().find_map(|kind| stem.strip_prefix(kind));
            let view =
                |name: &str| name.strip_suffix("-offset").or(name.strip_suffix("-overlay")).map(str::len);
            let name = name.map(|name| &name[..view(name).unwrap_or(name.len())]);
            name == Some(layer) && Some(path.as_str()) != chosen
        };
        pictures.iter().filter(is_of).map(String::as_str).collect()
    }

    /// The layers that have a picture of their histograms, by their parts of file names, in order.
    fn pictured_layers(&self) -> impl Iterator<Item = &str> {
        self.pictures.own.iter().filter_map(|path| file_stem(path).strip_prefix("histograms-"))
    }

    /// Pictures that are of no layer, as links, but for that of the accuracy.
    fn of_no_layer(&self) -> String {
        let accuracy = self.chosen("accuracy");
        let layered = |stem: &str| LAYER_PICTURES.iter().any(|kind| stem.starts_with(kind));
        let all = self.pictures.own.iter().chain(&self.pictures.tensorboard).map(String::as_str);
        let others: Vec<&str> =
            all.filter(|path| !layered(file_stem(path)) && Some(*path) != accuracy).collect();
        links(&others)
    }
}

fn file_stem(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Markdown's links to pictures, by the stems of their names.
fn links(paths: &[&str]) -> String {
    let link = |path: &&str| format!("[{}]({path})", file_stem(path));
    paths.iter().map(link).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_of_files() {
        let check = |path, expected| assert_eq!(file_stem(path), expected);
        check("pictures/tensorboard/loss.png", "loss");
        check("a.b.png", "a.b");
        check("plain", "plain");
    }

    #[test]
    fn links_of_markdown() {
        assert_eq!(links(&["a/b.png", "c.png"]), "[b](a/b.png), [c](c.png)");
    }
}
