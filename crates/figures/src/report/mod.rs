//! A run as one page of HTML that needs nothing else: no network, no script; knows of the run what it is given.
//!
//! | module | what it has |
//! | --- | --- |
//! | `html` | elements that end where they should, and texts that stay texts |
//! | `style` | the style sheet, light and dark |
//! | `parts` | tables, lists of facts, pictures with what they say in words |
//! | `overview` | results, diagnosis, settings |
//! | `curves` | accuracy, loss and learning rate over the epochs |
//! | `classes` | the classes one by one, and which was taken for which |
//! | `trust` | calibration, and the mistakes themselves |
//! | `layers` | the layers and how their weights moved |

mod classes;
mod curves;
mod html;
mod layers;
mod overview;
mod parts;
mod style;
mod trust;

use tensorboard::RunData;

use self::html::Html;
use crate::{Calibration, Confusion, Error, Thumbnail};

/// What a page tells. A part that is empty is left out of the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What was trained on what.
    pub title: String,
    /// More about it, in one line.
    pub subtitle: String,
    /// What came out: names and values. The first ones are the most important.
    pub results: Vec<(String, String)>,
    /// What it was trained with: names and values.
    pub settings: Vec<(String, String)>,
    /// What to think of it.
    pub diagnosis: Option<Diagnosis>,
    /// The event files of the training pictures: curves, and histograms of the weights.
    pub train: RunData,
    /// The event files of the validation pictures: curves.
    pub validation: RunData,
    /// A row an epoch.
    pub epochs: Table,
    /// A row a layer.
    pub layers: Table,
    /// How well each class is recognised.
    pub classes: Vec<ClassRow>,
    /// Which class was taken for which.
    pub confusion: Option<Confusion>,
    /// How sure the network is, and how often right.
    pub calibration: Option<Calibration>,
    /// Some pictures that were taken for another class.
    pub mistakes: Vec<Mistake>,
    /// The md5 of the model file, in hexadecimal digits.
    pub model_md5: Option<String>,
}

/// What is to be thought of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// In one sentence.
    pub verdict: String,
    /// What was seen.
    pub evidence: Vec<String>,
    /// What to do next.
    pub advice: Vec<String>,
}

/// A table of texts; the first column names the rows. Columns of numbers are set to the right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// What stands above each column.
    pub columns: Vec<String>,
    /// The cells, row by row.
    pub rows: Vec<Vec<String>>,
}

/// How well a class is recognised.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassRow {
    /// Its name.
    pub name: String,
    /// How many pictures are of it.
    pub pictures: u64,
    /// Of the pictures taken for it, the part that is of it, 0 to 1; NaN where none was.
    pub precision: f64,
    /// Of the pictures of it, the part that was taken for it, 0 to 1; NaN where there are none.
    pub recall: f64,
    /// The harmonic mean of the two.
    pub f1: f64,
}

/// A picture that was taken for another class.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// The picture.
    pub picture: Thumbnail,
    /// Its class.
    pub truth: String,
    /// The class it was taken for.
    pub predicted: String,
    /// The probability that the network gave to that class, 0 to 1.
    pub confidence: f64,
}

/// A part of the page: the name in its address, its heading, its content.
struct Section {
    id: &'static str,
    title: &'static str,
    content: Html,
}

impl Section {
    /// A section, unless its content is empty.
    fn of(id: &'static str, title: &'static str, content: Html) -> Option<Section> {
        (!content.is_empty()).then_some(Section { id, title, content })
    }
}

/// Writes the page: HTML that is XML as well, the same bytes for the same report. All texts are taken as texts,
/// whatever is in them.
///
/// # Errors
/// If the confusion matrix has another number of counts than pairs of classes, or a picture cannot be encoded.
pub fn report(report: &Report) -> Result<String, Error> {
    let all = [
        overview::results(report),
        overview::diagnosis(report),
        curves::section(report),
        classes::section(report)?,
        trust::calibration(report),
        trust::mistakes(report)?,
        layers::section(report),
        overview::epochs(report),
        overview::settings(report),
    ];
    let sections: Vec<Section> = all.into_iter().flatten().collect();
    let body = body(report, &sections);
    let mut page = Html::document();
    page.within("html", &[("lang", "en")], |page| {
        page.within("head", &[], |page| head(page, report, &style::sheet(body.as_str())));
        page.append(&body);
    });
    Ok(page.finish())
}

fn head(page: &mut Html, report: &Report, style: &str) {
    page.empty("meta", &[("charset", "utf-8")]);
    page.empty("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
    page.empty("meta", &[("name", "color-scheme"), ("content", "light dark")]);
    // Whatever is on the page, it loads nothing and runs nothing.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
    page.empty("meta", &[("http-equiv", "Content-Security-Policy"), ("content", policy)]);
    page.empty("link", &[("rel", "icon"), ("href", "data:,")]);
    page.leaf("title", &[], title(report));
    page.within("style", &[], |page| page.raw(style));
}

fn body(report: &Report, sections: &[Section]) -> Html {
    let mut page = Html::default();
    page.within("body", &[], |page| {
        page.leaf("a", &[("class", "skip"), ("href", "#main")], "Skip to the content");
        page.within("header", &[], |page| {
            page.leaf("h1", &[], title(report));
            page.leaf_unless_empty("p", &[], &report.subtitle);
        });
        page.within("div", &[("class", "columns")], |page| {
            page.within("nav", &[("aria-label", "Contents")], |page| {
                page.within("ul", &[], |page| {
                    for Section { id, title, .. } in sections {
                        let address = format!("#{id}");
                        page.within("li", &[], |page| page.leaf("a", &[("href", &address)], title));
                    }
                });
            });
            page.within("main", &[("id", "main"), ("tabindex", "-1")], |page| {
                for Section { id, title, content } in sections {
                    let heading = format!("{id}-heading");
                    page.within("section", &[("id", id), ("aria-labelledby", &heading)], |page| {
                        page.leaf("h2", &[("id", &heading)], title);
                        page.append(content);
                    });
                }
            });
        });
        if let Some(md5) = &report.model_md5 {
            page.within("footer", &[], |page| {
                page.within("p", &[], |page| {
                    page.text("md5 of the model file: ");
                    page.leaf("code", &[], md5);
                });
            });
        }
    });
    page
}

/// A page is never without a title.
fn title(report: &Report) -> &str {
    if report.title.trim().is_empty() { "Report of a run" } else { &report.title }
}
