//! Pictures and sounds over steps.

use std::f32::consts::TAU;
use std::path::Path;

use tensorboard::{Audio, Error, Event, Image, Step, WallTime, Writer};

const SIDE: usize = 64;

/// Pixels of bytes or of floats, channels last or first; several images a step are shown beside each other.
pub(crate) fn images(folder: &Path) -> Result<(), Error> {
    let mut writer = Writer::create(folder.join("media"))?;
    for step in 0..8 {
        let turn = step as f32 / 8.0;
        let gray: Vec<u8> = pixels().map(|(x, y)| (127.0 + 127.0 * wave(x, y, turn)) as u8).collect();
        let rgb: Vec<f32> = pixels()
            .flat_map(|(x, y)| [0.0, 1.0 / 3.0, 2.0 / 3.0].map(|phase| 0.5 + 0.5 * wave(x, y, turn + phase)))
            .collect();
        let planes: Vec<f32> =
            [x_of, y_of, |_, _| 0.5].into_iter().flat_map(|f| pixels().map(move |(x, y)| f(x, y))).collect();
        writer.image("gray", step, &Image::hwc([SIDE, SIDE, 1], &gray)?)?;
        let pair = [Image::hwc([SIDE, SIDE, 3], &rgb)?, Image::chw([3, SIDE, SIDE], &planes)?];
        writer.images("colours", step, &pair)?;
        // Any event can have a description.
        let event = Event::images(WallTime::now(), "described", Step(step.into()), &pair[..1])?;
        writer.write(&event.described("A *wave* that turns."))?;
    }
    writer.close()
}

/// Samples from -1 to 1 become a WAV file.
pub(crate) fn audio(folder: &Path) -> Result<(), Error> {
    const RATE: u32 = 8000;
    let mut writer = Writer::create(folder.join("sounds"))?;
    for step in 0..4 {
        let pitch = 220.0 * (1.0 + 0.25 * step as f32);
        let tone =
            |i: u32| (TAU * pitch * i as f32 / RATE as f32).sin() * (-3.0 * i as f32 / RATE as f32).exp();
        let samples: Vec<f32> = (0..RATE).map(tone).collect();
        writer.audio("string", step, &Audio::new(RATE, 1, &samples)?)?;
    }
    writer.close()
}

/// The places of all pixels, from -1 to 1, row by row.
fn pixels() -> impl Iterator<Item = (f32, f32)> {
    let place = |i: usize| 2.0 * i as f32 / (SIDE - 1) as f32 - 1.0;
    (0..SIDE * SIDE).map(move |i| (place(i % SIDE), place(i / SIDE)))
}

fn wave(x: f32, y: f32, turn: f32) -> f32 {
    (TAU * (2.0 * x.hypot(y) + y.atan2(x) / TAU - turn)).sin()
}

fn x_of(x: f32, _: f32) -> f32 {
    0.5 + 0.5 * x
}

fn y_of(_: f32, y: f32) -> f32 {
    0.5 + 0.5 * y
}
