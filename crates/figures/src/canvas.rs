//! Builds the SVG text of a picture from typed marks; knows nothing of axes or data.
//!
//! Only what is drawn alike everywhere is used: opaque fills, straight lines, circles, text. Rotation is
//! written as a matrix of zeros and ones, so no sine is taken.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::figure::Figure;
use crate::fonts::{self, Weight};
use crate::palette::{INK, PAPER, Rgb};

/// A place in pixels from the upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

/// Which part of a text sits at its point.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Solid,
    Dashed,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Type {
    pub(crate) size: f64,
    pub(crate) weight: Weight,
    pub(crate) colour: Rgb,
}

impl Type {
    pub(crate) const fn regular(size: f64) -> Type {
        Type { size, weight: Weight::Regular, colour: INK }
    }

    pub(crate) const fn bold(size: f64) -> Type {
        Type { size, weight: Weight::Bold, colour: INK }
    }

    pub(crate) const fn coloured(self, colour: Rgb) -> Type {
        Type { colour, ..self }
    }

    /// Width of `text` in pixels.
    pub(crate) fn width(self, text: &str) -> f64 {
        fonts::text_width(text, self.size, self.weight)
    }

    /// `text`, or its beginning and an ellipsis where it is wider than `room` pixels.
    pub(crate) fn fitted(self, text: &str, room: f64) -> String {
        let letters: Vec<char> = text.chars().collect();
        let shortened = |kept: usize| format!("{}…", letters[..kept].iter().collect::<String>().trim_end());
        self.longest(text, room, shortened)
    }

    /// `text`, or its beginning and its end with an ellipsis between them: names often differ at their ends.
    pub(crate) fn fitted_inside(self, text: &str, room: f64) -> String {
        let letters: Vec<char> = text.chars().collect();
        let shortened = |kept: usize| {
            let (front, back) = (kept.div_ceil(2), letters.len() - kept / 2);
            [&letters[..front], &['…'], &letters[back..]].concat().into_iter().collect()
        };
        self.longest(text, room, shortened)
    }

    /// `text`, or where that is wider than `room` what `shortened` makes of as many of its letters as fit.
    fn longest(self, text: &str, room: f64, shortened: impl Fn(usize) -> String) -> String {
        if self.width(text) <= room {
            return text.to_owned();
        }
        // Widths grow with the number of letters kept, so the longest that fits is found by halving.
        let (mut fits, mut too_long) = (0, text.chars().count());
        while too_long - fits > 1 {
            let middle = usize::midpoint(fits, too_long);
            if self.width(&shortened(middle)) <= room { fits = middle } else { too_long = middle }
        }
        shortened(fits)
    }
}

/// A white sheet that marks are put on, the later over the earlier.
pub(crate) struct Canvas {
    body: String,
    width: u32,
    height: u32,
}

impl Canvas {
    pub(crate) fn new(width: u32, height: u32) -> Canvas {
        let mut canvas = Canvas { body: String::new(), width, height };
        let sheet = Frame { left: 0.0, top: 0.0, right: f64::from(width), bottom: f64::from(height) };
        canvas.rectangle(sheet, PAPER);
        canvas
    }

    pub(crate) fn rectangle(&mut self, frame: Frame, fill: Rgb) {
        let (x, y) = (px(frame.left), px(frame.top));
        let (width, height) = (px(frame.right - frame.left), px(frame.bottom - frame.top));
        self.mark(&format!(r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}"/>"#));
    }

    /// Rectangles of one colour as one mark: there may be thousands.
    pub(crate) fn rectangles(&mut self, frames: &[Frame], fill: Rgb) {
        let mut data = String::new();
        for frame in frames {
            let (x, y) = (px(frame.left), px(frame.top));
            let (width, height) = (px(frame.right - frame.left), px(frame.bottom - frame.top));
            // Writing to a string cannot fail.
            let _ = write!(data, "M{x} {y}h{width}v{height}h-{width}z");
        }
        self.mark(&format!(r#"<path d="{data}" fill="{fill}"/>"#));
    }

    /// A PNG stretched to a frame, each of its pixels a sharp square.
    pub(crate) fn image(&mut self, frame: Frame, png: &[u8]) {
        let (x, y) = (px(frame.left), px(frame.top));
        let (width, height) = (px(frame.right - frame.left), px(frame.bottom - frame.top));
        // resvg knows optimizeSpeed, browsers the style.
        self.mark(&format!(
            r#"<image x="{x}" y="{y}" width="{width}" height="{height}" preserveAspectRatio="none" image-rendering="optimizeSpeed" style="image-rendering:pixelated" href="data:image/png;base64,{}"/>"#,
            STANDARD.encode(png)
        ));
    }

    pub(crate) fn circle(&mut self, centre: Point, radius: f64, fill: Rgb) {
        let (x, y, r) = (px(centre.x), px(centre.y), px(radius));
        self.mark(&format!(r#"<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}"/>"#));
    }

    /// A closed shape of one colour.
    pub(crate) fn polygon(&mut self, corners: &[Point], fill: Rgb) {
        self.mark(&format!(r#"<path d="{}Z" fill="{fill}"/>"#, path(corners)));
    }

    /// A closed shape of one colour with a line of another around it, one pixel wide.
    pub(crate) fn edged_polygon(&mut self, corners: &[Point], fill: Rgb, edge: Rgb) {
        self.mark(&format!(
            r#"<path d="{}Z" fill="{fill}" stroke="{edge}" stroke-linejoin="bevel"/>"#,
            path(corners)
        ));
    }

    /// An open line through the points.
    pub(crate) fn polyline(&mut self, points: &[Point], line: Line, width: f64, colour: Rgb) {
        let dashes = match line {
            Line::Solid => "",
            Line::Dashed => r#" stroke-dasharray="6 5""#,
        };
        self.mark(&format!(
            r#"<path d="{}" fill="none" stroke="{colour}" stroke-width="{}" stroke-linejoin="bevel"{dashes}/>"#,
            path(points),
            px(width)
        ));
    }

    /// Straight lines of one colour as one mark, each between two points.
    pub(crate) fn segments(&mut self, lines: &[[Point; 2]], width: f64, colour: Rgb) {
        if lines.is_empty() {
            return;
        }
        let data: String = lines.iter().map(|line| path(line)).collect();
        self.mark(&format!(
            r#"<path d="{data}" fill="none" stroke="{colour}" stroke-width="{}"/>"#,
            px(width)
        ));
    }

    pub(crate) fn text(&mut self, at: Point, anchor: Anchor, style: Type, text: &str) {
        self.mark(&format!(r#"<text x="{}" y="{}"{}"#, px(at.x), px(at.y), written(anchor, style, text)));
    }

    /// A text that reads from below upwards, its baseline to the right.
    pub(crate) fn text_upwards(&mut self, at: Point, anchor: Anchor, style: Type, text: &str) {
        let (x, y) = (px(at.x), px(at.y));
        let rest = written(anchor, style, text);
        self.mark(&format!(r#"<text transform="matrix(0 -1 1 0 {x} {y})"{rest}"#));
    }

    pub(crate) fn finish(self) -> Figure {
        let Canvas { body, width, height } = self;
        let family = fonts::FAMILY;
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"{family}, Verdana, sans-serif\">\n{body}</svg>\n"
        );
        Figure::new(svg, width, height)
    }

    fn mark(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }
}

/// `text` as XML character data. Characters that XML cannot hold become U+FFFD, so any string can be drawn.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
    out
}

/// The attributes, the content and the end of a text element.
fn written(anchor: Anchor, style: Type, text: &str) -> String {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    format!(
        r#" text-anchor="{anchor}" font-size="{}" font-weight="{}" fill="{}">{}</text>"#,
        px(style.size),
        style.weight.attribute(),
        style.colour,
        escape(text)
    )
}

/// `M x y L x y ...`
fn path(points: &[Point]) -> String {
    let mut data = String::new();
    for (index, point) in points.iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        // Writing to a string cannot fail.
        let _ = write!(data, "{command}{} {}", px(point.x), px(point.y));
    }
    data
}

/// A length with at most two decimals; finer steps than 1/100 pixel are not seen, and fewer digits pack better.
fn px(length: f64) -> String {
    let text = format!("{length:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_short_and_alike() {
        for (length, text) in
            [(1.0, "1"), (0.5, "0.5"), (-0.001, "0"), (12.3456, "12.35"), (100.0, "100"), (-7.1, "-7.1")]
        {
            assert_eq!(px(length), text);
        }
    }

    #[test]
    fn any_text_can_be_drawn() {
        assert_eq!(escape("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &apos;d&apos;");
        let mut canvas = Canvas::new(300, 40);
        let nasty = "</text><rect/> & \u{1} \u{0} ]]> \u{ffff} π 猫 \n";
        canvas.text(Point { x: 5.0, y: 20.0 }, Anchor::Start, Type::regular(14.0), nasty);
        let figure = canvas.finish();
        assert_eq!(figure.svg().matches("<rect").count(), 1, "only the sheet: {}", figure.svg());
        figure.png(1.0).unwrap();
    }

    #[test]
    fn a_long_text_is_shortened_to_its_room() {
        let style = Type::regular(16.0);
        assert_eq!(style.fitted("short", 400.0), "short");
        let long = "word ".repeat(100);
        let fitted = style.fitted(&long, 400.0);
        assert!(fitted.ends_with('…') && style.width(&fitted) <= 400.0 && style.width(&fitted) > 350.0);
        assert_eq!(style.fitted("long", 1.0), "…");
        let fitted = style.fitted_inside("001-a-run-with-a-long-name-adam", 150.0);
        assert!(fitted.starts_with("001-") && fitted.ends_with("adam") && style.width(&fitted) <= 150.0);
        assert_eq!(style.fitted_inside("long", 1.0), "…");
    }
}
