//! The page about a run, opened in a real browser, light and dark; knows nothing of what it tells.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use reqwest::Url;
use serde::Deserialize;

use crate::browser::{self, Browser, Theme};
use crate::check::Check;

/// Width of the pictures, and of a narrow phone, in CSS pixels.
const WIDTH: u32 = 1280;
const PHONE: u32 = 360;
/// Height of a window before that of the page is known.
const HEIGHT: u32 = 900;

const ASKED: &str = include_str!("report.js");

/// Opens a page and looks at it; `report-light.png` and `report-dark.png` in `screenshots` are what is seen.
pub(super) fn checks(html: &Path, screenshots: &Path) -> Vec<Check> {
    let subject = "page about a run";
    match look_at(html, screenshots) {
        Ok(None) => vec![Check::skipped(subject, browser::ADVICE)],
        Err(error) => {
            vec![Check::new(format!("{subject}: a browser shows it"), Err(format!("{error:#}")))]
        }
        Ok(Some(seen)) => {
            let check = |(name, result)| Check::new(format!("{subject}: {name}"), result);
            judged(&seen).into_iter().map(check).collect()
        }
    }
}

/// What the page says of itself in one theme, as `report.js` finds it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answers {
    /// The levels of the headings, in order.
    levels: Vec<u8>,
    /// Texts with too little contrast.
    faint: Vec<String>,
    /// The colours of the page, then for each that a picture names what it is drawn with.
    colours: Vec<String>,
    height: u32,
    /// By how much it is wider than the window.
    too_wide: f64,
}

/// What is seen of a page in one theme.
#[derive(Clone, Debug, Default)]
struct Look {
    answers: Answers,
    /// What a screen reader says of each picture.
    pictures: Vec<String>,
    console: Vec<String>,
    requests: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    address: String,
    light: Look,
    dark: Look,
    /// By how much it is wider than a phone.
    phone_too_wide: f64,
}

/// `None` where there is no browser.
fn look_at(html: &Path, screenshots: &Path) -> Result<Option<Seen>> {
    fs::create_dir_all(screenshots).with_context(|| format!("creating {}", screenshots.display()))?;
    let Some(mut browser) = Browser::start(screenshots)? else { return Ok(None) };
    tracing::info!("opening {}", html.display());
    let html = html.canonicalize().with_context(|| format!("looking for {}", html.display()))?;
    let address = Url::from_file_path(&html).map_err(|()| anyhow!("{} has no address", html.display()))?;
    let mut in_theme = |theme, name| look(&mut browser, address.as_str(), theme, &screenshots.join(name));
    let light = in_theme(Theme::Light, "report-light.png")?;
    let dark = in_theme(Theme::Dark, "report-dark.png")?;
    let mut phone = browser.page(PHONE, HEIGHT)?;
    phone.open(address.as_str())?;
    let phone_too_wide = answers(&mut phone)?.too_wide;
    Ok(Some(Seen { address: address.into(), light, dark, phone_too_wide }))
}

fn look(browser: &mut Browser, address: &str, theme: Theme, screenshot: &Path) -> Result<Look> {
    let mut page = browser.page(WIDTH, HEIGHT)?;
    page.prefer(theme)?;
    page.watch_requests()?;
    page.open(address)?;
    let answers = answers(&mut page)?;
    let pictures = page.accessible_names("image")?;
    let mut whole = browser.page(WIDTH, answers.height.max(HEIGHT))?;
    whole.prefer(theme)?;
    whole.open(address)?;
    whole.screenshot(screenshot, None)?;
    Ok(Look { answers, pictures, console: page.console_errors()?, requests: page.requests()? })
}

fn answers(page: &mut browser::Page) -> Result<Answers> {
    serde_json::from_value(page.eval(ASKED)?).context("reading what report.js found")
}

/// What must be so, and whether it is.
fn judged(seen: &Seen) -> Vec<(&'static str, Result<(), String>)> {
    let looks = || [("light", &seen.light), ("dark", &seen.dark)].into_iter();
    let none = |found: fn(&Look) -> &[String], allowed: &dyn Fn(&str) -> bool| {
        let all = looks().flat_map(|(theme, look)| found(look).iter().map(move |text| (theme, text)));
        let wrong: Vec<String> =
            all.filter(|(_, text)| !allowed(text)).map(|(theme, text)| format!("{theme}: {text}")).collect();
        if wrong.is_empty() { Ok(()) } else { Err(format!("found {}", wrong.join("; "))) }
    };
    let nothing = |_: &str| false;
    let its_own = |address: &str| address == seen.address || address.starts_with("data:");
    vec![
        ("no error on the console, light and dark", none(|look| &look.console, &nothing)),
        ("nothing but the file is asked for", none(|look| &look.requests, &its_own)),
        (
            "colours of the page and its pictures differ between light and dark",
            differ(&seen.light, &seen.dark),
        ),
        ("texts have a contrast of 4.5 at least, light and dark", none(|look| &look.answers.faint, &nothing)),
        (
            "every picture has a name that can be read out",
            looks().try_for_each(|(_, look)| named(&look.pictures)),
        ),
        ("its headings are in order", looks().try_for_each(|(_, look)| in_order(&look.answers.levels))),
        ("a narrow phone need not be scrolled sideways", fits(seen.phone_too_wide)),
    ]
}

/// Each colour must be another in the other theme, but for middle ones.
fn differ(light: &Look, dark: &Look) -> Result<(), String> {
    let (light, dark) = (&light.answers.colours, &dark.answers.colours);
    if light.len() < 3 || light.len() != dark.len() {
        return Err(format!("expected colours of a page with pictures, found {light:?} and {dark:?}"));
    }
    let same: Vec<&str> = light
        .iter()
        .zip(dark)
        .filter(|(light, dark)| light == dark)
        .map(|(light, _)| light.as_str())
        .collect();
    if same.is_empty() { Ok(()) } else { Err(format!("the same in both: {}", same.join(", "))) }
}

fn named(pictures: &[String]) -> Result<(), String> {
    match pictures.iter().position(|name| name.trim().is_empty()) {
        _ if pictures.is_empty() => Err("expected pictures, found none".to_owned()),
        Some(number) => Err(format!("picture {} of {} has none", number + 1, pictures.len())),
        None => Ok(()),
    }
}

/// One of level 1, at first; no level is left out on the way down.
fn in_order(levels: &[u8]) -> Result<(), String> {
    let one_title = levels.first() == Some(&1) && levels.iter().filter(|&&level| level == 1).count() == 1;
    if one_title && levels.windows(2).all(|pair| pair[1] <= pair[0] + 1) {
        Ok(())
    } else {
        Err(format!("found levels {levels:?}"))
    }
}

fn fits(too_wide: f64) -> Result<(), String> {
    if too_wide <= 0.0 { Ok(()) } else { Err(format!("{too_wide} pixels wider than the {PHONE} there are")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A look at a page that has nothing wrong.
    fn look(colours: [&str; 3]) -> Look {
        let answers = Answers {
            levels: vec![1, 2, 3, 3, 2],
            colours: colours.map(str::to_owned).to_vec(),
            ..Answers::default()
        };
        Look {
            answers,
            pictures: vec!["Loss over epochs".to_owned()],
            console: Vec::new(),
            requests: ["file:///a/report.html", "data:image/png;base64,AA"].map(str::to_owned).to_vec(),
        }
    }

    #[test]
    fn each_thing_wrong_fails_its_own_check() {
        let right = Seen {
            address: "file:///a/report.html".to_owned(),
            light: look(["white", "black", "#d55e00 orange"]),
            dark: look(["black", "white", "#d55e00 brown"]),
            phone_too_wide: 0.0,
        };
        let check = |spoil: &dyn Fn(&mut Seen), expected: &[&str]| {
            let mut seen = right.clone();
            spoil(&mut seen);
            let failed: Vec<_> =
                judged(&seen).into_iter().filter_map(|(name, result)| result.err().map(|_| name)).collect();
            let as_expected = failed.len() == expected.len()
                && failed.iter().zip(expected).all(|(name, part)| name.contains(part));
            assert!(as_expected, "expected {expected:?}, failed {failed:?}");
        };
        check(&|_| {}, &[]);
        check(&|seen| seen.dark.console.push("TypeError".to_owned()), &["console"]);
        check(&|seen| seen.light.requests.push("https://fonts.example/a".to_owned()), &["asked for"]);
        check(&|seen| seen.light.requests.push("file:///a/style.css".to_owned()), &["asked for"]);
        check(&|seen| seen.dark.answers.colours[2] = "#d55e00 orange".to_owned(), &["colours"]);
        check(&|seen| seen.light.answers.colours.truncate(2), &["colours"]);
        check(&|seen| seen.dark.answers.faint.push("p 2.1: words".to_owned()), &["contrast"]);
        check(&|seen| seen.light.pictures.push(" ".to_owned()), &["name"]);
        check(&|seen| seen.dark.pictures.clear(), &["name"]);
        check(&|seen| seen.phone_too_wide = 12.0, &["phone"]);
    }

    #[test]
    fn order_of_headings() {
        let check = |levels: &[u8], expected| assert_eq!(in_order(levels).is_ok(), expected, "{levels:?}");
        check(&[1], true);
        check(&[1, 2, 3, 2, 3, 3, 2], true);
        check(&[], false);
        check(&[2, 3], false);
        check(&[1, 3], false);
        check(&[1, 2, 1], false);
    }
}
