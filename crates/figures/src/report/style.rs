//! The style sheet of the page, light and dark; knows the palette, and the colours that pictures use of it.

use crate::palette::{AXIS, FAINT_INK, GRID, INK, PAPER, Rgb, TRAINING, VALIDATION};
use crate::theme::{self, Theme};

/// What lies around the sections.
const DESK: (Rgb, Rgb) = (Rgb(243, 244, 246), Rgb(15, 16, 17));

/// A rule that is the same in both themes, or takes its colours from the variables.
const RULES: &str = include_str!("style.css");

/// The style sheet of a page with this body.
///
/// Pictures are drawn for white paper, as they are in files. On a dark page each of their colours is another by a
/// rule on the very attribute that has it, so that the pictures themselves need not know.
pub(super) fn sheet(body: &str) -> String {
    let mut sheet = format!(":root{{{}}}\n{RULES}", variables(Theme::Light));
    sheet +=
        &format!("@media screen and (prefers-color-scheme:dark){{\n:root{{{}}}\n", variables(Theme::Dark));
    for (attribute, colour) in theme::colours(body) {
        let dark = colour.on_dark();
        sheet += &format!(".picture [{attribute}=\"{colour}\"]{{{attribute}:{dark}}}\n");
    }
    sheet += "}\n";
    sheet
}

fn variables(theme: Theme) -> String {
    let pairs = [
        ("desk", DESK),
        ("paper", both(PAPER)),
        ("ink", both(INK)),
        ("faint", both(FAINT_INK)),
        ("line", both(GRID)),
        ("axis", both(AXIS)),
        ("link", both(VALIDATION)),
        ("mark", both(TRAINING)),
    ];
    let variable = |(name, (light, dark)): (&str, (Rgb, Rgb))| match theme {
        Theme::Light => format!("--{name}:{light};"),
        Theme::Dark => format!("--{name}:{dark};"),
    };
    pairs.into_iter().map(variable).collect()
}

fn both(colour: Rgb) -> (Rgb, Rgb) {
    (colour, colour.on_dark())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::tests::contrast;

    #[test]
    fn every_colour_of_the_page_is_read_in_both_themes() {
        let papers = [DESK, both(PAPER)];
        for (name, (light, dark), least) in [
            ("text", both(INK), 7.0),
            ("faint text", both(FAINT_INK), 4.5),
            ("links", both(VALIDATION), 4.5),
            ("marks", both(TRAINING), 3.0),
            ("borders of buttons", both(AXIS), 3.0),
        ] {
            for paper in papers {
                let found = [contrast(light, paper.0), contrast(dark, paper.1)];
                assert!(found.iter().all(|&found| found >= least), "{name} on {paper:?}: {found:?}");
            }
        }
    }

    #[test]
    fn each_colour_of_a_picture_has_its_rule() {
        let sheet = sheet("<rect fill=\"#d55e00\"/>");
        let rule = format!(".picture [fill=\"#d55e00\"]{{fill:{}}}", TRAINING.on_dark());
        assert!(sheet.contains(&rule), "{sheet}");
    }
}
