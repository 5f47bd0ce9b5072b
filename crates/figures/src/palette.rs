//! The colours of every picture, on white; knows nothing of what they stand for beyond their names.
//!
//! Training and validation are vermilion and blue of Okabe and Ito's palette ("Color Universal Design", 2008),
//! which people with any of the common colour vision deficiencies tell apart; they also differ in marker.

use std::fmt;

/// An opaque sRGB colour, displayed as SVG writes it (`#d55e00`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

pub(crate) const PAPER: Rgb = Rgb(255, 255, 255);
/// [`PAPER`] on a dark page. Not black: the contrast of white on black tires.
pub(crate) const DARK_PAPER: Rgb = Rgb(28, 28, 28);
pub(crate) const INK: Rgb = Rgb(32, 33, 36);
pub(crate) const FAINT_INK: Rgb = Rgb(95, 99, 104);
pub(crate) const AXIS: Rgb = Rgb(120, 124, 130);
pub(crate) const GRID: Rgb = Rgb(228, 230, 233);
pub(crate) const TRAINING: Rgb = Rgb(213, 94, 0);
pub(crate) const VALIDATION: Rgb = Rgb(0, 114, 178);

/// The lines of a picture with several runs: those of Okabe and Ito's colours that are seen on white, the darker
/// first.
pub(crate) const RUNS: [Rgb; 7] =
    [VALIDATION, TRAINING, Rgb(0, 158, 115), Rgb(204, 121, 167), INK, Rgb(230, 159, 0), Rgb(86, 180, 233)];

/// The darkest shade of an area that stands for what is right; [`INK`] is read on it.
pub(crate) const RIGHT: Rgb = Rgb(64, 156, 214);
/// The darkest shade of an area that stands for what is wrong; [`INK`] is read on it.
pub(crate) const WRONG: Rgb = Rgb(226, 126, 32);

/// The darkest shade of [`TRAINING`]: the oldest step, or a line over its areas.
pub(crate) const OLDEST: Rgb = Rgb(107, 41, 0);

/// Oldest, middle and newest step of a ridgeline: TensorBoard's ramp (run colour, darker to brighter).
const RAMP: [Rgb; 3] = [OLDEST, Rgb(213, 94, 0), Rgb(255, 178, 112)];

/// The colour of a step whose age goes from 0 (oldest, dark) to 1 (newest, light).
pub(crate) fn ramp(age: f64) -> Rgb {
    let along = age.clamp(0.0, 1.0) * 2.0;
    let (from, to, part) =
        if along < 1.0 { (RAMP[0], RAMP[1], along) } else { (RAMP[1], RAMP[2], along - 1.0) };
    from.towards(to, part)
}

impl Rgb {
    /// The colour so far on the way to another, from 0 to 1.
    pub(crate) fn towards(self, to: Rgb, part: f64) -> Rgb {
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * part).round() as u8;
        Rgb(mix(self.0, to.0), mix(self.1, to.1), mix(self.2, to.2))
    }

    /// A shade of this colour on paper, from 0, the paper itself, to 1.
    pub(crate) fn shade(self, depth: f64) -> Rgb {
        PAPER.towards(self, depth.clamp(0.0, 1.0))
    }

    /// What stands for this colour on a dark page, where [`PAPER`] is [`DARK_PAPER`]: of the same hue, and with the
    /// same contrasts to all others, so that what is read on white is read there as well.
    pub(crate) fn on_dark(self) -> Rgb {
        let light = self.light();
        let from = luminance(light);
        // A contrast is (a + 0.05) / (b + 0.05): it stays when light and dark change places.
        let wanted =
            (luminance(PAPER.light()) + 0.05) * (luminance(DARK_PAPER.light()) + 0.05) / (from + 0.05);
        let wanted = (wanted - 0.05).clamp(0.0, 1.0);
        let scaled = light.map(|part| if from > 0.0 { part * wanted / from } else { wanted });
        // What would be brighter than a screen can be is made paler instead.
        let brightest = scaled.into_iter().fold(0.0, f64::max);
        let vivid = if brightest > 1.0 { (1.0 - wanted) / (brightest - wanted) } else { 1.0 };
        let [red, green, blue] = scaled.map(|part| coded(wanted + (part - wanted) * vivid));
        Rgb(red, green, blue)
    }

    /// The colour whose six digits a text begins with, as it is displayed but without the `#`.
    pub(crate) fn parse(text: &str) -> Option<Rgb> {
        let digits = text.get(..6).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Rgb(red, green, blue))
    }

    /// The light of its red, green and blue, each 0 to 1 (IEC 61966-2-1).
    fn light(self) -> [f64; 3] {
        [self.0, self.1, self.2].map(f64::from).map(|code| {
            let code = code / 255.0;
            if code <= 0.04045 { code / 12.92 } else { libm::pow((code + 0.055) / 1.055, 2.4) }
        })
    }
}

/// How bright light of these parts looks, 0 to 1 (WCAG 2.2).
fn luminance([red, green, blue]: [f64; 3]) -> f64 {
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// The code of light from 0 to 1 (IEC 61966-2-1).
fn coded(light: f64) -> u8 {
    let code = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * libm::pow(light, 1.0 / 2.4) - 0.055 };
    (code * 255.0).round() as u8
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The contrast of two colours, 1 to 21 (WCAG 2.2).
    pub(crate) fn contrast(a: Rgb, b: Rgb) -> f64 {
        let (a, b) = (luminance(a.light()), luminance(b.light()));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn the_ramp_goes_from_dark_to_light() {
        assert_eq!([ramp(0.0), ramp(0.5), ramp(1.0)], RAMP);
        let light = |c: Rgb| u32::from(c.0) + u32::from(c.1) + u32::from(c.2);
        let steps: Vec<u32> = (0..=50).map(|i| light(ramp(f64::from(i) / 50.0))).collect();
        assert!(steps.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn colours_are_written_as_svg_does() {
        assert_eq!(TRAINING.to_string(), "#d55e00");
        assert_eq!(VALIDATION.to_string(), "#0072b2");
    }

    #[test]
    fn contrasts() {
        let check = |a, b, expected: f64| {
            let found = contrast(a, b);
            assert!((found - expected).abs() < 0.01, "{a} and {b}: {found}");
        };
        check(PAPER, Rgb(0, 0, 0), 21.0);
        check(PAPER, PAPER, 1.0);
        // The lightest grey that passes AA on white.
        check(Rgb(118, 118, 118), PAPER, 4.54);
    }

    #[test]
    fn what_is_read_on_white_is_read_on_dark() {
        assert_eq!(PAPER.on_dark(), DARK_PAPER);
        let grounds = [PAPER, RIGHT, WRONG, RIGHT.shade(0.3)];
        let marks = [INK, FAINT_INK, AXIS, GRID, TRAINING, VALIDATION, RIGHT, WRONG];
        for ground in grounds {
            for mark in marks.into_iter().chain(RAMP).chain(RUNS) {
                let (light, dark) = (contrast(mark, ground), contrast(mark.on_dark(), ground.on_dark()));
                // Colours are whole numbers: of dark ones a step is up to a twentieth.
                assert!((light / dark - 1.0).abs() < 0.05, "{mark} on {ground}: {light:.2}, {dark:.2}");
            }
        }
    }

    #[test]
    fn a_colour_on_dark_has_its_hue() {
        let check =
            |colour: Rgb, expected: &str| assert_eq!(colour.on_dark().to_string(), expected, "{colour}");
        check(TRAINING, "#c65700");
        check(VALIDATION, "#0094e5");
        check(RAMP[0], "#ffbfb0");
        check(Rgb(0, 0, 0), "#ffffff");
    }

    #[test]
    fn colours_are_read_as_they_are_written() {
        let check = |text: &str, expected| assert_eq!(Rgb::parse(text), expected, "{text}");
        check("d55e00\" stroke", Some(TRAINING));
        check("d55e0", None);
        check("+55e00", None);
        check("", None);
        check("ééé", None);
    }
}
