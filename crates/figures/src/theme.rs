//! Light and dark paper, and the colours of a picture on either; knows nothing of what is drawn.

use std::collections::BTreeSet;

use crate::palette::{DARK_PAPER, PAPER, Rgb};

/// What a picture is drawn on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// White paper.
    #[default]
    Light,
    /// Dark paper. Each colour is another one of the same hue and with the same contrast to the others, so that
    /// what was the darker on white is the lighter.
    Dark,
}

impl Theme {
    /// The two, light first.
    pub const ALL: [Theme; 2] = [Theme::Light, Theme::Dark];

    /// The colour of the paper.
    pub(crate) fn paper(self) -> Rgb {
        match self {
            Theme::Light => PAPER,
            Theme::Dark => DARK_PAPER,
        }
    }
}

/// The attributes that have colours, and how each begins. Quotes in texts are written otherwise, and an image is
/// digits of base 64 without any.
const ATTRIBUTES: [(&str, &str); 2] = [("fill", " fill=\"#"), ("stroke", " stroke=\"#")];

/// The colours in the attributes of an SVG or of a page with such.
pub(crate) fn colours(svg: &str) -> BTreeSet<(&'static str, Rgb)> {
    let of = |(attribute, opening): (&'static str, &'static str)| {
        svg.split(opening).skip(1).filter_map(move |rest| Some((attribute, Rgb::parse(rest)?)))
    };
    ATTRIBUTES.into_iter().flat_map(of).collect()
}

/// An SVG drawn for white paper with the colours of dark paper. Images in it stay as they are.
pub(crate) fn on_dark(svg: &str) -> String {
    let mut dark = svg.to_owned();
    for (attribute, opening) in ATTRIBUTES {
        // Each place is met once, so that no colour is changed twice.
        let mut pieces = dark.split(opening);
        let mut changed = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            match (Rgb::parse(piece), piece.get(6..)) {
                (Some(colour), Some(rest)) => {
                    changed += &format!(" {attribute}=\"{}{rest}", colour.on_dark());
                }
                _ => changed += &format!("{opening}{piece}"),
            }
        }
        dark = changed;
    }
    dark
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::{INK, TRAINING, VALIDATION};

    #[test]
    fn the_colours_of_pictures_are_found() {
        let body = "<rect fill=\"#d55e00\"/><path fill=\"none\" stroke=\"#0072b2\"/><text fill=\"#d55e00\">a &quot;#123456&quot;</text>";
        let found: Vec<_> = colours(body).into_iter().collect();
        assert_eq!(found, [("fill", TRAINING), ("stroke", VALIDATION)]);
    }

    #[test]
    fn only_colours_become_others() {
        let check = |light: &str, dark: &str| assert_eq!(on_dark(light), dark);
        let (paper, ink) = (DARK_PAPER, INK.on_dark());
        check("<rect fill=\"#ffffff\"/>", &format!("<rect fill=\"{paper}\"/>"));
        check(
            "<path stroke=\"#202124\" fill=\"#202124\"/>",
            &format!("<path stroke=\"{ink}\" fill=\"{ink}\"/>"),
        );
        for unchanged in [
            "",
            "<path fill=\"none\"/>",
            "<text>fill=&quot;#ffffff&quot; #ffffff</text>",
            "<image href=\"data:image/png;base64,ffffff\"/>",
            "<a fill=\"#fff\"/>",
        ] {
            check(unchanged, unchanged);
        }
    }
}
