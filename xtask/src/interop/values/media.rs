//! Images, sounds, texts and tables, with the bytes and words that they must have.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use tensorboard::{Audio, Image, Table, Writer};

use super::Kind;
use super::ask::{Ask, expect};

pub(super) const IMAGES: Kind = Kind { name: "images", write: write_images, says: says_images };
pub(super) const AUDIO: Kind = Kind { name: "audio", write: write_audio, says: says_audio };
pub(super) const TEXT: Kind = Kind { name: "text", write: write_text, says: says_text };

/// A blob of a tag, to be asked for by its query.
#[derive(Debug, Deserialize)]
struct Blob {
    step: i64,
    query: String,
    #[serde(rename = "contentType")]
    content_type: Option<String>,
}

/// Three high, two wide: of bytes, and of floats with channels first.
fn pictures() -> Result<[Image; 2]> {
    let gray = Image::hwc([3, 2, 1], &[0u8, 50, 100, 150, 200, 250])?;
    let planes: Vec<f32> = (0..18u8).map(|i| f32::from(i) / 17.0).collect();
    Ok([gray, Image::chw([3, 3, 2], &planes)?])
}

fn write_images(folder: &Path) -> Result<()> {
    let mut writer = Writer::create(folder)?;
    for step in 0..3 {
        writer.images("pair", step, &pictures()?)?;
    }
    Ok(writer.close()?)
}

fn says_images(ask: &Ask<'_>) -> Result<()> {
    for (sample, picture) in pictures()?.iter().enumerate() {
        let images: Vec<Blob> = ask.tag("images", "pair", &[("sample", &sample.to_string())])?;
        expect("steps", &images.iter().map(|image| image.step).collect::<Vec<_>>(), &vec![0, 1, 2])?;
        for image in &images {
            let bytes = ask.blob("individualImage", &image.query)?;
            expect("bytes of the file", &bytes, &picture.as_bytes().to_vec())?;
            // Its header, as the PNG specification has it: width and height, most significant byte first.
            expect(
                "PNG, 2 wide and 3 high",
                &bytes.get(..24),
                &Some(&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03"[..]),
            )?;
        }
    }
    Ok(())
}

const RATE: u32 = 8000;
const SAMPLES: [f32; 6] = [0.0, 0.5, -0.5, 1.0, -1.0, 0.25];

fn write_audio(folder: &Path) -> Result<()> {
    let mut writer = Writer::create(folder)?;
    writer.audio("clicks", 2, &Audio::new(RATE, 2, &SAMPLES)?)?;
    Ok(writer.close()?)
}

fn says_audio(ask: &Ask<'_>) -> Result<()> {
    let sounds: Vec<Blob> = ask.tag("audio", "clicks", &[("sample", "0")])?;
    expect("steps", &sounds.iter().map(|sound| sound.step).collect::<Vec<_>>(), &vec![2])?;
    expect("content type", &sounds[0].content_type.as_deref(), &Some("audio/wav"))?;
    let bytes = ask.blob("individualAudio", &sounds[0].query)?;
    expect("bytes of the file", &bytes, &Audio::new(RATE, 2, &SAMPLES)?.as_bytes().to_vec())?;
    // As the WAV format has it: channels and samples a second, least significant byte first.
    expect("channels", &bytes.get(22..24), &Some(&2u16.to_le_bytes()[..]))?;
    expect("samples a second", &bytes.get(24..28), &Some(&RATE.to_le_bytes()[..]))
}

const MARKDOWN: &str = "# Title\n\n**bold** & <b>plain</b>, 10 µm";

fn write_text(folder: &Path) -> Result<()> {
    let mut writer = Writer::create(folder)?;
    writer.text("note", 1, MARKDOWN)?;
    writer.table("table", 1, &Table::new(["layer", "n * n"], [["conv_2d", "*1*"], ["a|b", "<i>"]])?)?;
    Ok(writer.close()?)
}

fn says_text(ask: &Ask<'_>) -> Result<()> {
    #[derive(Deserialize)]
    struct Text {
        step: i64,
        text: String,
    }
    let only = |tag, markdown| -> Result<Text> {
        let texts: Vec<Text> = ask.tag("text", tag, &[("markdown", markdown)])?;
        texts.into_iter().next().context("there is no text")
    };
    let plain = only("note", "false")?;
    // Plain text is for pages too: what has a meaning there is quoted.
    expect(
        "text",
        &(plain.step, plain.text),
        &(1, MARKDOWN.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")),
    )?;
    let drawn = only("note", "true")?.text;
    expect(
        "words of the text",
        &words(&drawn),
        &words("<h1>Title</h1><p><strong>bold</strong> &amp; &lt;b&gt;plain&lt;/b&gt;, 10 µm</p>"),
    )?;
    let table = only("table", "true")?.text;
    let cells: Vec<String> = table
        .split("<td>")
        .skip(1)
        .map(|cell| words(cell.split("</td>").next().unwrap_or_default()).join(" "))
        .collect();
    // The first row is the header. Nothing in a cell is taken for Markdown.
    expect(
        "cells of the table",
        &cells,
        &["layer", "n * n", "conv_2d", "*1*", "a|b", "&lt;i&gt;"].map(str::to_owned).to_vec(),
    )
}

/// The words between the tags of a page.
fn words(html: &str) -> Vec<String> {
    let pieces = html.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    pieces.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_is_between_tags() {
        let check = |html, expected: &[&str]| assert_eq!(words(html), expected, "{html}");
        check("", &[]);
        check("<h1>One two</h1>\n<p><b>three</b> 4</p>", &["One", "two", "three", "4"]);
        check("no tags", &["no", "tags"]);
    }
}
