//! Pictures made by encoders, and by hand where encoders write no such thing.

use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

fn png(pixels: &[u8], width: u32, height: u32, color: ExtendedColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(pixels, width, height, color).unwrap();
    bytes
}

fn jpeg(pixels: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    encoder.write_image(pixels, width, height, ExtendedColorType::Rgb8).unwrap();
    bytes
}

/// RGB values without a pattern.
fn noise(width: u32, height: u32) -> Vec<u8> {
    let mut stream =
        streams::Seed(0).stream(const { streams::Purpose::new("noise") }, width.into(), height.into());
    (0..3 * width * height).map(|_| stream.bits() as u8).collect()
}

fn decoded(bytes: &[u8], side: usize) -> std::result::Result<Vec<u8>, String> {
    let mut planes = vec![0; 3 * side * side];
    decode(bytes, side, &mut planes).map(|()| planes)
}

fn planes(interleaved: &[u8]) -> Vec<u8> {
    (0..3).flat_map(|plane| interleaved.iter().copied().skip(plane).step_by(3)).collect()
}

#[test]
fn pictures_of_the_right_size_keep_their_bytes() {
    let pixels = noise(32, 32);
    let bytes = png(&pixels, 32, 32, ExtendedColorType::Rgb8);
    assert_eq!(decoded(&bytes, 32).unwrap(), planes(&pixels));
    #[cfg(feature = "parquet")]
    for bytes in [bytes, jpeg(&pixels, 32, 32)] {
        let mut exact = vec![0; 3072];
        decode_exactly(&bytes, Shape::CIFAR, &mut exact).unwrap();
        assert_eq!(decoded(&bytes, 32).unwrap(), exact);
    }
}

#[test]
fn every_colour_becomes_rgb() {
    use ExtendedColorType::{L8, L16, La8, La16, Rgb16, Rgba8, Rgba16};
    // Two values a side, to see that they are not mixed up; 16 bits as the machine has them.
    let wide = |values: &[u16]| values.iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<u8>>();
    let grey = [7, 7, 7, 0, 0, 0, 255, 255, 255, 128, 128, 128];
    let colours: [u8; 12] = [1, 2, 3, 10, 20, 30, 100, 200, 0, 255, 254, 253];
    for (name, pixels, color, expect) in [
        ("grey", vec![7, 0, 255, 128], L8, grey),
        ("grey and alpha", vec![7, 0, 0, 9, 255, 255, 128, 1], La8, grey),
        // 257 steps of 16 bits are one of 8; to the nearest.
        ("16-bit grey", wide(&[7 * 257 + 128, 128, 65535, 128 * 257 - 128]), L16, grey),
        ("16-bit grey and alpha", wide(&[7 * 257, 0, 0, 9, 65535, 65535, 128 * 257, 1]), La16, grey),
        ("alpha", vec![1, 2, 3, 0, 10, 20, 30, 255, 100, 200, 0, 128, 255, 254, 253, 0], Rgba8, colours),
        ("16-bit", wide(&colours.map(|v| u16::from(v) * 257)), Rgb16, colours),
        (
            "16-bit and alpha",
            wide(
                &colours
                    .chunks(3)
                    .flat_map(|c| [c[0], c[1], c[2], 0])
                    .map(|v| u16::from(v) * 257)
                    .collect::<Vec<_>>(),
            ),
            Rgba16,
            colours,
        ),
    ] {
        assert_eq!(decoded(&png(&pixels, 2, 2, color), 2).unwrap(), planes(&expect), "{name}");
    }
}

#[test]
fn palettes_become_rgb() {
    for transparent in [None, Some(vec![0, 255, 128])] {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 2, 2);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Two);
        encoder.set_palette(vec![9, 8, 7, 0, 100, 200, 255, 254, 253]);
        if let Some(alpha) = transparent {
            encoder.set_trns(alpha);
        }
        // Rows of four places of two bits: 2, 0 and 1, 2.
        encoder.write_header().unwrap().write_image_data(&[0b1000_0000, 0b0110_0000]).unwrap();
        let expect = [255, 254, 253, 9, 8, 7, 0, 100, 200, 255, 254, 253];
        assert_eq!(decoded(&bytes, 2).unwrap(), planes(&expect));
    }
}

#[test]
fn grey_jpegs_are_read() {
    let mut bytes = Vec::new();
    JpegEncoder::new(&mut bytes).write_image(&[90; 64], 8, 8, ExtendedColorType::L8).unwrap();
    assert_eq!(decoded(&bytes, 8).unwrap(), [90; 192]);
}

/// The picture of `testdata`, whose files Pillow wrote from it (the interlaced one is made by hand).
fn gradient() -> Vec<u8> {
    (0..256).flat_map(|i| [i % 16 * 16, i / 16 * 16, 255 - (i % 16 + i / 16) * 8]).map(|v| v as u8).collect()
}

#[test]
fn every_way_of_encoding_is_read() {
    for (name, bytes, most) in [
        ("interlaced", &include_bytes!("../../testdata/interlaced.png")[..], 0),
        ("progressive", include_bytes!("../../testdata/progressive.jpg"), 6),
        ("with restarts and half the columns of colour", include_bytes!("../../testdata/restarts.jpg"), 20),
        ("with a quarter of the colour", include_bytes!("../../testdata/subsampled.jpg"), 20),
        ("CMYK", include_bytes!("../../testdata/cmyk.jpg"), 6),
    ] {
        let found = decoded(bytes, 16).unwrap();
        let off = found.iter().zip(planes(&gradient())).map(|(a, b)| a.abs_diff(b)).max().unwrap();
        assert!(off <= most, "{name}: off by {off}");
    }
}

/// The Exif block of a picture with an orientation: a TIFF header and a directory of one entry (TIFF 6.0).
fn exif(orientation: u8) -> Vec<u8> {
    let entry = [0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
    [b"II*\0\x08\0\0\0\x01\0".as_slice(), &entry, &[0; 4]].concat()
}

#[test]
fn pictures_are_turned_as_the_camera_says() {
    // Quarters a b / c d, in the order of the rows; wider than high.
    let colours =
        [(b'a', [220, 30, 30]), (b'b', [30, 220, 30]), (b'c', [30, 30, 220]), (b'd', [220, 220, 30])];
    let quarter = |x: usize, y: usize| colours[2 * (y / 16) + x / 32].1;
    let pixels: Vec<u8> = (0..64 * 32).flat_map(|i| quarter(i % 64, i / 64)).collect();
    let seen = |bytes: &[u8]| {
        let planes = decoded(bytes, 16).unwrap();
        let at = |x: usize, y: usize| -> char {
            let value = |plane: usize| planes[plane * 256 + y * 16 + x];
            let near = |(_, c): &&(u8, [u8; 3])| (0..3).all(|i| c[i].abs_diff(value(i)) < 40);
            char::from(colours.iter().find(near).unwrap().0)
        };
        String::from_iter([at(3, 3), at(12, 3), at(3, 12), at(12, 12)])
    };
    // Exif 2.32, table 6: what the first row and the first column of the file are.
    for (orientation, expect) in [
        (0, "abcd"),
        (1, "abcd"),
        (2, "badc"),
        (3, "dcba"),
        (4, "cdab"),
        (5, "acbd"),
        (6, "cadb"),
        (7, "dbca"),
        (8, "bdac"),
        (9, "abcd"),
    ] {
        let block = [b"Exif\0\0".to_vec(), exif(orientation)].concat();
        let mut bytes = jpeg(&pixels, 64, 32);
        let segment = [&[0xff, 0xe1, 0, block.len() as u8 + 2], &block[..]].concat();
        bytes.splice(2..2, segment);
        assert_eq!(seen(&bytes), expect, "JPEG with orientation {orientation}");

        let mut bytes = Vec::new();
        let mut encoder = PngEncoder::new(&mut bytes);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(&pixels, 64, 32, ExtendedColorType::Rgb8).unwrap();
        assert_eq!(seen(&bytes), expect, "PNG with orientation {orientation}");
    }
}

/// Catmull-Rom's weights of a row of `from` pixels for each of `to`, widened where it becomes smaller.
fn weights(from: usize, to: usize) -> Vec<Vec<f64>> {
    let ratio = from as f64 / to as f64;
    let scale = ratio.max(1.0);
    let cubic = |x: f64| match x.abs() {
        x if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        x if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        _ => 0.0,
    };
    let row = |i: usize| {
        let center = (i as f64 + 0.5) * ratio - 0.5;
        let row: Vec<f64> = (0..from).map(|j| cubic((j as f64 - center) / scale)).collect();
        let sum: f64 = row.iter().sum();
        row.into_iter().map(|weight| weight / sum).collect()
    };
    (0..to).map(row).collect()
}

#[test]
fn resizing_agrees_with_plain_sums() {
    for (width, height) in [(64, 64), (50, 37), (7, 90), (1, 1), (20, 31), (300, 32)] {
        let pixels = noise(width, height);
        let found = decoded(&png(&pixels, width, height, ExtendedColorType::Rgb8), 32).unwrap();
        let (across, down) = (weights(width as usize, 32), weights(height as usize, 32));
        for (at, &value) in found.iter().enumerate() {
            let (plane, y, x) = (at / 1024, at / 32 % 32, at % 32);
            let mut sum = 0.0;
            for (j, weight) in down[y].iter().enumerate() {
                let row = &pixels[j * width as usize * 3..];
                sum += weight
                    * (across[x].iter().enumerate())
                        .map(|(i, weight)| weight * f64::from(row[i * 3 + plane]))
                        .sum::<f64>();
            }
            let expect = sum.clamp(0.0, 255.0);
            // Half a step by rounding, and what sums of 32 bits differ by.
            assert!((f64::from(value) - expect).abs() < 0.51, "{width}x{height} at {at}: {value}, {expect}");
        }
    }
}

#[test]
fn one_colour_stays_one() {
    for (width, height) in [(64, 64), (33, 31), (1, 200), (5, 1)] {
        for value in [0, 1, 127, 254, 255] {
            let pixels = vec![value; 3 * width as usize * height as usize];
            let found = decoded(&png(&pixels, width, height, ExtendedColorType::Rgb8), 32).unwrap();
            assert_eq!(found, [value; 3072], "{width}x{height} of {value}");
        }
    }
}

/// What every machine must make of two pictures; another value here is another dataset for whoever has one.
#[test]
fn resized_bytes_are_the_same_everywhere() {
    let pixels = noise(50, 37);
    for (bytes, expect) in [
        (
            png(&pixels, 50, 37, ExtendedColorType::Rgb8),
            "7efcc3c1b702e42aa78df0bb5eed873bfe27aac0a100802b1f4e29653aed806f",
        ),
        (jpeg(&pixels, 50, 37), "76da6cfce0a3d847ea322d6a641f0581f5894baa51c52027f37de80ad33ad1c7"),
    ] {
        let found = decoded(&bytes, 32).unwrap();
        assert_eq!(crate::disk::hex(&Sha256::digest(&found)), expect);
    }
}

/// A PNG that claims a size and has `data` as its pixels.
fn claimed(width: u32, height: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = png::Encoder::new(&mut bytes, width, height).write_header().unwrap();
    writer.write_chunk(png::chunk::IDAT, data).unwrap();
    drop(writer);
    bytes
}

/// A JPEG that claims a size.
fn claimed_jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = jpeg(&noise(16, 16), 16, 16);
    let frame = bytes.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..][..2].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..][..2].copy_from_slice(&width.to_be_bytes());
    bytes
}

#[track_caller]
fn check(bytes: &[u8], expect: &str) {
    let error = decoded(bytes, 32).unwrap_err();
    assert!(error.contains(expect) && !error.contains('\n'), "{error}\ndoes not say\n{expect}");
}

#[test]
fn what_is_no_picture_is_named() {
    check(b"", "the picture is neither PNG nor JPEG");
    check(b"<html>not found</html>", "the picture is neither PNG nor JPEG");
    check(b"GIF89a\x01\0\x01\0\0\0\0", "the picture is neither PNG nor JPEG, but Gif");
    check(b"RIFF\0\0\0\0WEBPVP8 ", "the picture is neither PNG nor JPEG, but WebP");
    check(&[0xff, 0xd8, 0xff, 0xd9], "corrupt picture: ");
    check(b"\x89PNG\r\n\x1a\n", "corrupt picture: ");
}

#[test]
fn what_claims_to_be_huge_is_refused() {
    check(
        &claimed(16_385, 1, &[0; 9]),
        "a picture of 16385x1, expected at most 16384 on a side and 67108864 pixels",
    );
    check(&claimed(1, u32::MAX >> 1, &[0; 9]), "a picture of 1x2147483647, expected at most");
    check(&claimed(16_384, 4097, &[0; 9]), "a picture of 16384x4097, expected at most");
    check(&claimed(8192, 8192, &[0; 9]), "corrupt picture: 8192x8192 cannot be in ");
    check(&claimed_jpeg(65_535, 65_535), "a picture of 65535x65535, expected at most");
    check(&claimed_jpeg(8192, 8192), "corrupt picture: 8192x8192 cannot be in ");
    check(&claimed_jpeg(0, 5), "corrupt picture: ");
}

#[test]
fn the_smallest_picture_of_its_size_is_read() {
    // White, of one bit: what deflate packs best.
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 4096, 4096);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.set_deflate_compression(png::DeflateCompression::Level(9));
    encoder.write_header().unwrap().write_image_data(&vec![255; 512 * 4096]).unwrap();
    assert_eq!(decoded(&bytes, 4).unwrap(), [255; 48], "{} bytes", bytes.len());
    let bytes = jpeg(&vec![255; 3 << 20], 1024, 1024);
    assert_eq!(decoded(&bytes, 4).unwrap(), [255; 48], "{} bytes", bytes.len());
}

#[test]
fn pictures_cut_off_are_refused() {
    let pixels = noise(20, 20);
    // All pixels are there when only the end of the last chunk is missing.
    let whole = png(&pixels, 20, 20, ExtendedColorType::Rgb8);
    for length in 0..whole.len() - 16 {
        assert!(decoded(&whole[..length], 32).is_err(), "PNG of {length} bytes");
    }
    let whole = jpeg(&pixels, 20, 20);
    for length in 0..whole.len() {
        assert!(decoded(&whole[..length], 32).is_err(), "JPEG of {length} bytes");
    }
    check(&whole[..whole.len() - 2], "corrupt picture: it is cut off");
    // What follows the end is no part of the picture.
    assert_eq!(decoded(&[&whole[..], b"more"].concat(), 32), decoded(&whole, 32));
}

#[test]
fn the_end_is_not_taken_from_inside_a_segment() {
    let mut bytes = jpeg(&noise(8, 8), 8, 8);
    bytes.truncate(bytes.len() - 2);
    // A comment with a marker of the end, as thumbnails have.
    bytes.splice(2..2, [0xff, 0xfe, 0, 4, 0xff, 0xd9]);
    check(&bytes, "it is cut off");
    bytes.extend([0xff, 0xff, 0xd9]);
    decoded(&bytes, 8).unwrap();
}

#[test]
fn panics_become_errors() {
    let found: std::result::Result<(), String> = contained(broken, || panic!("of a decoder"));
    assert_eq!(found.unwrap_err(), "corrupt picture: its decoder broke down");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let check = |name: &str, side, expect: &str| {
        let error = read(&dir.path().join(name), side).unwrap_err().to_string();
        assert!(error.contains(expect) && !error.contains('\n'), "{error}\ndoes not say\n{expect}");
    };
    check("missing.png", 32, "cannot read ");
    fs::create_dir(dir.path().join("folder.png")).unwrap();
    check("folder.png", 32, "folder.png: expected a picture, this is no file");
    fs::File::create(dir.path().join("long.png")).unwrap().set_len(MOST_BYTES + 1).unwrap();
    check("long.png", 32, "long.png: a file of 268435457 bytes, expected a picture of at most 268435456");
    fs::write(dir.path().join("text.png"), "text").unwrap();
    check("text.png", 32, "text.png: the picture is neither PNG nor JPEG");
    check("text.png", 0, "pictures of 0 pixels a side, expected 1 to 1024");
    check("text.png", 1025, "pictures of 1025 pixels a side, expected 1 to 1024");
    #[cfg(unix)]
    {
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket.png")).unwrap();
        check("socket.png", 32, "socket.png: expected a picture, this is no file");
    }
    fs::write(dir.path().join("right"), png(&noise(3, 3), 3, 3, ExtendedColorType::Rgb8)).unwrap();
    assert_eq!(read(&dir.path().join("right"), 3).unwrap(), planes(&noise(3, 3)));
}

/// Changed pictures, and bytes that at least begin as one.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let wholes = prop_oneof![
        Just(png(&noise(9, 5), 9, 5, ExtendedColorType::Rgb8)),
        Just(jpeg(&noise(9, 5), 9, 5)),
        Just(claimed_jpeg(300, 300)),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    let changed = (wholes, changes).prop_map(|(mut bytes, changes)| {
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes
    });
    let begins = prop::sample::select(vec![&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &[0xff, 0xd8, 0xff], b""]);
    let any = prop::collection::vec(any::<u8>(), 0..300);
    prop_oneof![changed, (begins, any).prop_map(|(begin, rest)| [begin, &rest].concat())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_bytes_are_a_picture_or_one_error(bytes in hostile(), side in 1..40_usize) {
        if let Err(error) = decoded(&bytes, side) {
            prop_assert!(!error.is_empty() && !error.contains('\n'), "{error}");
            // Held, but to be known of.
            prop_assert_ne!(error, broken());
        }
    }
}
