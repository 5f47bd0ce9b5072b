//! Variations as words: `flip,shift:4`.

use std::fmt;
use std::str::FromStr;

use streams::Purpose;

use super::{Augmentation, Op};
use crate::{Error, Result};

/// The farthest a shift may go, and the largest square that is cut out, in pixels.
pub(super) const FARTHEST: u32 = 255;

/// Flips and shifts.
pub(super) const LIGHT: &[Op] = &[Op::Flip, Op::Shift(4)];

/// Names for lists of variations.
const PRESETS: [(&str, &[Op]); 2] = [
    ("light", LIGHT),
    // What the course asks for.
    ("standard", &[Op::Flip, Op::Shift(4), Op::Rotate(15.0), Op::Noise(0.02)]),
];

impl Op {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flip => "flip",
            Self::Shift(_) => "shift",
            Self::Crop(_) => "crop",
            Self::Rotate(_) => "rotate",
            Self::Zoom(_) => "zoom",
            Self::Brightness(_) => "brightness",
            Self::Contrast(_) => "contrast",
            Self::Noise(_) => "noise",
            Self::Cutout(_) => "cutout",
        }
    }

    /// The stream it draws from.
    pub(super) fn purpose(self) -> Purpose {
        match self {
            Self::Flip => const { Purpose::new("flip") },
            Self::Shift(_) => const { Purpose::new("shift") },
            Self::Crop(_) => const { Purpose::new("crop") },
            Self::Rotate(_) => const { Purpose::new("rotate") },
            Self::Zoom(_) => const { Purpose::new("zoom") },
            Self::Brightness(_) => const { Purpose::new("bright") },
            Self::Contrast(_) => const { Purpose::new("contrast") },
            Self::Noise(_) => const { Purpose::new("noise") },
            Self::Cutout(_) => const { Purpose::new("cutout") },
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Flip => f.write_str(self.name()),
            Self::Shift(n) | Self::Crop(n) | Self::Cutout(n) => write!(f, "{}:{n}", self.name()),
            Self::Rotate(x) | Self::Zoom(x) | Self::Brightness(x) | Self::Contrast(x) | Self::Noise(x) => {
                write!(f, "{}:{x}", self.name())
            }
        }
    }
}

impl FromStr for Op {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        let (name, value) = match word.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let pixels = |op: fn(u32) -> Self| {
            let number = value.and_then(|v| v.parse().ok()).filter(|n| (1..=FARTHEST).contains(n));
            number.map(op).ok_or_else(|| {
                refused(word, format!("expected whole pixels from 1 to {FARTHEST}, as {name}:4"))
            })
        };
        let amount = |op: fn(f32) -> Self, what: &str, most: f32, example: &str| {
            let number = value.and_then(|v| v.parse().ok()).filter(|&x| x > 0.0 && x <= most);
            number
                .map(op)
                .ok_or_else(|| refused(word, format!("expected {what} over 0, at most {most}, as {example}")))
        };
        match name {
            "flip" if value.is_none() => Ok(Self::Flip),
            "flip" => Err(refused(word, "flip takes no number".into())),
            "shift" => pixels(Self::Shift),
            "crop" => pixels(Self::Crop),
            "rotate" => amount(Self::Rotate, "degrees", 180.0, "rotate:15"),
            "zoom" => amount(Self::Zoom, "a share", 0.9, "zoom:0.1"),
            "brightness" => amount(Self::Brightness, "a share of the full scale", 1.0, "brightness:0.1"),
            "contrast" => amount(Self::Contrast, "a share", 1.0, "contrast:0.2"),
            "noise" => amount(Self::Noise, "a deviation", 1.0, "noise:0.02"),
            "cutout" => pixels(Self::Cutout),
            _ => Err(refused(
                word,
                "expected none, or some of flip, shift:4, crop:4, rotate:15, zoom:0.1, brightness:0.1, contrast:0.2, \
                 noise:0.02, cutout:8, light, standard"
                    .into(),
            )),
        }
    }
}

fn refused(word: &str, reason: String) -> Error {
    Error::Word { what: "augmentation", word: word.to_string(), reason }
}

impl fmt::Display for Augmentation {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.is_none() {
            return f.write_str("none");
        }
        for (i, op) in self.ops.iter().enumerate() {
            write!(f, "{}{op}", if i > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl FromStr for Augmentation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut ops: Vec<Op> = Vec::new();
        if text.trim() == "none" {
            return Ok(Self { ops });
        }
        for word in text.split(',').map(str::trim) {
            let preset = PRESETS.iter().find(|(name, _)| *name == word);
            let new = preset.map_or_else(|| Ok(vec![word.parse()?]), |(_, ops)| Ok(ops.to_vec()))?;
            for op in new {
                if ops.iter().any(|known| known.name() == op.name()) {
                    return Err(refused(word, format!("{} is there twice", op.name())));
                }
                ops.push(op);
            }
        }
        Ok(Self { ops })
    }
}

impl TryFrom<String> for Augmentation {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Augmentation> for String {
    fn from(augmentation: Augmentation) -> Self {
        augmentation.to_string()
    }
}
