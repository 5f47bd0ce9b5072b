//! The page about a run, read as XML: what has to be in it for those who do not see it, and what must not.

#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;

use figures::report::{ClassRow, Diagnosis, Mistake, Report, Table, report};
use figures::{Calibration, Confusion, Error, Thumbnail};
use resvg::usvg::roxmltree::{Document, Node, ParsingOptions};

#[path = "../examples/report/made_up.rs"]
mod made_up;

/// The page of a run of ten epochs.
fn made_up_page() -> String {
    let folder = tempfile::tempdir().unwrap();
    report(&made_up::report(folder.path()).unwrap()).unwrap()
}

fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(page, options).unwrap_or_else(|error| panic!("{error}\n{page:.3000}"))
}

fn named<'a>(document: &'a Document<'_>, name: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    document.descendants().filter(move |node| node.tag_name().name() == name)
}

/// All the text in an element.
fn text(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect()
}

/// What holds of every page, whatever it tells.
#[track_caller]
fn assert_sound(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>\n"));
    let document = parsed(page);
    assert_eq!(document.root_element().attribute("lang"), Some("en"));
    for only in ["title", "h1", "main", "nav", "header", "style"] {
        let found: Vec<_> = named(&document, only).filter(|node| !in_picture(node)).collect();
        assert_eq!(found.len(), 1, "{only}");
    }
    for never in ["script", "iframe", "object", "form", "base"] {
        assert_eq!(named(&document, never).count(), 0, "{never}");
    }

    let ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
    for node in document.descendants() {
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            assert!(!name.starts_with("on"), "{name}={value}");
            match name {
                "href" | "src" => match value.strip_prefix('#') {
                    Some(id) => assert!(unique.contains(id), "no element {id}"),
                    None => assert!(value.starts_with("data:"), "{name}={value}"),
                },
                "aria-labelledby" => assert!(unique.contains(value), "no element {value}"),
                _ => {}
            }
        }
    }

    let level = |node: Node<'_, '_>| {
        node.tag_name().name().strip_prefix('h').and_then(|digits| digits.parse::<u8>().ok())
    };
    let levels: Vec<u8> = document.descendants().filter_map(level).collect();
    assert_eq!(levels[0], 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");

    for table in named(&document, "table") {
        let inside = |name| table.descendants().filter(move |node| node.tag_name().name() == name);
        assert_eq!(inside("caption").map(text).filter(|caption| !caption.is_empty()).count(), 1);
        assert!(inside("th").all(|head| matches!(head.attribute("scope"), Some("col" | "row"))));
        let widths: BTreeSet<usize> =
            inside("tr").map(|row| row.children().filter(Node::is_element).count()).collect();
        assert_eq!(widths.len(), 1, "a table with rows of {widths:?} cells");
    }
    for figure in named(&document, "figure") {
        let caption = figure.descendants().find(|node| node.tag_name().name() == "figcaption");
        assert!(caption.is_some_and(|caption| !text(caption).is_empty()));
    }
    for svg in named(&document, "svg") {
        assert_eq!(svg.attribute("role"), Some("img"));
        assert!(svg.attribute("aria-label").is_some_and(|label| !label.is_empty()));
    }
    for img in named(&document, "img") {
        assert!(img.attribute("alt").is_some_and(|alt| !alt.is_empty()));
    }
    for style in ["@import", "url(", "http:", "https:"] {
        let sheet = named(&document, "style").map(text).collect::<String>();
        assert!(!sheet.contains(style), "{style}");
    }
}

fn in_picture(node: &Node<'_, '_>) -> bool {
    node.ancestors().any(|outer| outer.tag_name().name() == "svg")
}

#[test]
fn everything_a_report_has_is_on_its_page() {
    let page = made_up_page();
    assert_sound(&page);
    let document = parsed(&page);
    let sections: Vec<&str> = named(&document, "section").filter_map(|node| node.attribute("id")).collect();
    let expected = [
        "results",
        "diagnosis",
        "curves",
        "classes",
        "calibration",
        "mistakes",
        "layers",
        "epochs",
        "settings",
    ];
    assert_eq!(sections, expected);
    let pictures: Vec<&str> = named(&document, "svg").filter_map(|svg| svg.attribute("aria-label")).collect();
    for expected in [
        "Accuracy over epochs. Best validation accuracy: ",
        "Loss over epochs. Best validation loss: ",
        "Learning rate over epochs. At the end: training 1e−5.",
        "Confusion matrix. ",
        "Confidence and accuracy. Expected calibration error: ",
        "Histograms of conv2d over epochs. kernel: ",
        "Histograms of dense_1 over epochs. kernel: ",
        "Distributions of dense_1 over epochs. kernel: median ",
    ] {
        assert!(pictures.iter().any(|label| label.starts_with(expected)), "{expected}: {pictures:#?}");
    }
    // Two pictures of each layer; a table of the numbers of each picture.
    assert_eq!(pictures.len(), 3 + 1 + 1 + 2 * 5);
    assert_eq!(named(&document, "details").count(), pictures.len());
    assert_eq!(named(&document, "img").count(), 12);
    assert!(page.contains("md5 of the model file: <code>0cc175b9c0f1b6a831c399e269772661</code>"));
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    // Another folder and another time of writing.
    assert!(made_up_page() == made_up_page());
}

#[test]
fn ten_epochs_are_a_page_of_less_than_two_megabytes() {
    let bytes = made_up_page().len();
    assert!(bytes < 2_000_000, "{bytes} bytes");
}

#[test]
fn texts_stay_texts() {
    let nasty = r#"<script>alert("1")</script>'"&amp;--></style>"#;
    let text = || nasty.to_owned();
    let pairs = || vec![(text(), text()); 2];
    let page = report(&Report {
        title: text(),
        subtitle: text(),
        results: pairs(),
        settings: pairs(),
        diagnosis: Some(Diagnosis { verdict: text(), evidence: vec![text()], advice: vec![text()] }),
        epochs: Table { columns: vec![text(); 2], rows: vec![vec![text(); 2]] },
        layers: Table { columns: vec![text()], rows: vec![vec![text()]] },
        classes: vec![ClassRow { name: text(), ..ClassRow::default() }],
        confusion: Some(Confusion { classes: vec![text(); 2], counts: vec![1, 2, 3, 4] }),
        calibration: Some(Calibration::of([(0.5, true)], 2)),
        mistakes: vec![mistake(&text())],
        model_md5: Some(text()),
        ..Report::default()
    })
    .unwrap();
    assert_sound(&page);
    assert!(!page.contains("<script") && page.matches("</style>").count() == 1);
    let document = parsed(&page);
    let title = named(&document, "title").next().unwrap();
    assert_eq!(title.text(), Some(nasty));
    let alt = named(&document, "img").next().unwrap().attribute("alt");
    assert_eq!(alt.unwrap(), format!("{nasty}, taken for {nasty}"));
}

fn mistake(class: &str) -> Mistake {
    Mistake {
        picture: Thumbnail::of_planes([1, 2, 3], &[0, 50, 100, 150, 200, 250]).unwrap(),
        truth: class.to_owned(),
        predicted: class.to_owned(),
        confidence: 0.987,
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    let empty = report(&Report::default()).unwrap();
    assert_sound(&empty);
    assert!(empty.contains("<h1>Report of a run</h1>") && !empty.contains("<section"));

    let check = |one: Report, section: &str| {
        let page = report(&one).unwrap();
        assert_sound(&page);
        let document = parsed(&page);
        let sections: Vec<_> = named(&document, "section").filter_map(|node| node.attribute("id")).collect();
        assert_eq!(sections, [section]);
    };
    let pairs = || vec![("a".to_owned(), "1".to_owned())];
    check(Report { results: pairs(), ..Report::default() }, "results");
    check(Report { settings: pairs(), ..Report::default() }, "settings");
    check(Report { mistakes: vec![mistake("a")], ..Report::default() }, "mistakes");
    check(
        Report { calibration: Some(Calibration::of([(1.0, true)], 3)), ..Report::default() },
        "calibration",
    );
    check(Report { classes: vec![ClassRow::default()], ..Report::default() }, "classes");
}

#[test]
fn nothing_known_of_the_parts_is_nothing_on_the_page() {
    let nothing = Report {
        diagnosis: Some(Diagnosis::default()),
        confusion: Some(Confusion::default()),
        calibration: Some(Calibration::default()),
        ..Report::default()
    };
    assert_eq!(report(&nothing).unwrap(), report(&Report::default()).unwrap());
}

#[test]
fn numbers_that_are_none_are_dashes() {
    let nan = ClassRow {
        name: "rare".to_owned(),
        pictures: 0,
        precision: f64::NAN,
        recall: f64::NAN,
        f1: f64::NAN,
    };
    let page = report(&Report { classes: vec![nan], ..Report::default() }).unwrap();
    assert_sound(&page);
    assert!(page.matches("<td>–</td>").count() == 3 && !page.contains("NaN"), "{page}");
}

#[test]
fn a_hundred_classes_list_their_most_frequent_mistakes() {
    let classes: Vec<String> = (0..100).map(|class| format!("class {class}")).collect();
    let mut counts = vec![0; 100 * 100];
    (counts[101 * 7], counts[7 * 100 + 9], counts[3]) = (50, 21, 20);
    let page =
        report(&Report { confusion: Some(Confusion { classes, counts }), ..Report::default() }).unwrap();
    assert_sound(&page);
    assert!(page.contains(
        "50 of 91 pictures are right. The most frequent mistake: class 7 taken for class 9, 21 times."
    ));
    let document = parsed(&page);
    let rows: Vec<String> = named(&document, "tr").map(text).collect();
    assert_eq!(rows, ["truth\ntaken for\npictures\n", "class 7\nclass 9\n21\n", "class 0\nclass 3\n20\n"]);
}

#[test]
fn a_confusion_matrix_that_is_none_is_an_error() {
    let confusion = Confusion { classes: vec!["a".to_owned(); 2], counts: vec![1; 3] };
    let error = report(&Report { confusion: Some(confusion), ..Report::default() }).unwrap_err();
    assert!(matches!(error, Error::Counts { classes: 2, counts: 3 }), "{error}");
}
