//! Writes event files with other crates, and prints how fast that was: `rust-peers WRITER FOLDER SCALARS HISTOGRAMS
//! REPEATS`, in an empty folder. A rate counts from the making of a writer until it is closed.
//!
//! Neither crate puts values into buckets. What their user has to write for that is here: a loop for the sums, and
//! a loop for thirty buckets of equal width.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

const TAGS: [&str; 4] = ["loss", "accuracy", "validation_loss", "validation_accuracy"];
const VALUES: usize = 65_536;
const BUCKETS: usize = 30;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A crate's writer.
trait Writer: Sized {
    fn create(folder: &Path) -> Result<Self>;
    fn scalar(&mut self, tag: &str, step: usize, value: f32) -> Result<()>;
    fn histogram(&mut self, tag: &str, step: usize, histogram: Histogram) -> Result<()>;
    fn close(self) -> Result<()>;
}

/// As the first version of the format has it.
struct Histogram {
    min: f64,
    max: f64,
    num: f64,
    sum: f64,
    sum_squares: f64,
    limits: Vec<f64>,
    counts: Vec<f64>,
}

impl Histogram {
    fn of(values: &[f32]) -> Self {
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        let (mut sum, mut sum_squares) = (0.0, 0.0);
        for &value in values {
            let value = f64::from(value);
            min = min.min(value);
            max = max.max(value);
            sum += value;
            sum_squares += value * value;
        }
        let width = (max - min) / BUCKETS as f64;
        let mut counts = vec![0.0; BUCKETS];
        for &value in values {
            let index = ((f64::from(value) - min) / width) as usize;
            counts[index.min(BUCKETS - 1)] += 1.0;
        }
        let limits = (1..=BUCKETS).map(|i| min + i as f64 * width).collect();
        Self { min, max, num: values.len() as f64, sum, sum_squares, limits, counts }
    }
}

impl Writer for tensorboard_rs::summary_writer::SummaryWriter {
    fn create(folder: &Path) -> Result<Self> {
        Ok(Self::new(folder))
    }

    fn scalar(&mut self, tag: &str, step: usize, value: f32) -> Result<()> {
        self.add_scalar(tag, value, step);
        Ok(())
    }

    fn histogram(&mut self, tag: &str, step: usize, h: Histogram) -> Result<()> {
        self.add_histogram_raw(tag, h.min, h.max, h.num, h.sum, h.sum_squares, &h.limits, &h.counts, step);
        Ok(())
    }

    fn close(mut self) -> Result<()> {
        self.flush();
        Ok(())
    }
}

#[cfg(feature = "tboard")]
impl Writer for tboard::EventWriter<fs::File> {
    fn create(folder: &Path) -> Result<Self> {
        Ok(Self::create(folder)?)
    }

    fn scalar(&mut self, tag: &str, step: usize, value: f32) -> Result<()> {
        Ok(self.write_scalar(step as i64, tag, value)?)
    }

    fn histogram(&mut self, tag: &str, step: usize, h: Histogram) -> Result<()> {
        let step = step as i64;
        Ok(self.write_histo(step, tag, h.min, h.max, h.num, h.sum, h.sum_squares, h.counts, h.limits)?)
    }

    fn close(mut self) -> Result<()> {
        Ok(self.flush()?)
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [writer, folder, counts @ ..] = &arguments[..] else { return Err("no writer and folder".into()) };
    let counts: Vec<usize> =
        counts.iter().map(|count| count.parse()).collect::<std::result::Result<_, _>>()?;
    let folder = Path::new(folder);
    let (version, rates) = match &writer[..] {
        "tensorboard-rs" => {
            ("0.5.9", measure::<tensorboard_rs::summary_writer::SummaryWriter>(folder, &counts)?)
        }
        #[cfg(feature = "tboard")]
        "tboard" => ("0.1.1", measure::<tboard::EventWriter<fs::File>>(folder, &counts)?),
        other => return Err(format!("no writer {other}").into()),
    };
    println!("{{\"writer\":\"{writer}\",\"version\":\"{version}\",{rates}}}");
    Ok(())
}

/// The rates as members of a JSON object.
fn measure<W: Writer>(folder: &Path, counts: &[usize]) -> Result<String> {
    let &[scalars, histograms, repeats] = counts else { return Err("expected three numbers".into()) };
    let values = normal(VALUES);
    let (scalars, scalar_bytes) = repeated::<W>(folder, scalars, repeats, |writer, step| {
        writer.scalar(TAGS[step % TAGS.len()], step, 1.0 / (step + 1) as f32)
    })?;
    let (histograms, histogram_bytes) = repeated::<W>(folder, histograms, repeats, |writer, step| {
        writer.histogram("dense/kernel", step, Histogram::of(std::hint::black_box(&values)))
    })?;
    Ok(format!(
        "\"scalars\":{scalars},\"histograms\":{histograms},\
         \"bytes_per_scalar\":{scalar_bytes},\"bytes_per_histogram\":{histogram_bytes}"
    ))
}

/// Rates as JSON, and the bytes on disk of one call.
fn repeated<W: Writer>(
    folder: &Path,
    count: usize,
    repeats: usize,
    mut add: impl FnMut(&mut W, usize) -> Result<()>,
) -> Result<(String, u64)> {
    let mut rates = Vec::new();
    let mut bytes = 0;
    for repeat in 0..repeats {
        let path = folder.join(format!("run-{repeat}"));
        let began = Instant::now();
        let mut writer = W::create(&path)?;
        for step in 0..count {
            add(&mut writer, step)?;
        }
        writer.close()?;
        rates.push((count as f64 / began.elapsed().as_secs_f64()).round());
        bytes = 0;
        for entry in fs::read_dir(&path)? {
            bytes += entry?.metadata()?.len();
        }
        fs::remove_dir_all(&path)?;
    }
    let mut sorted = rates.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(repeats / 2).ok_or("no repeats")?;
    Ok((format!("{{\"median\":{median},\"all\":{rates:?}}}"), bytes / count.max(1) as u64))
}

/// Normal values by the method of Box and Muller, from the generator SplitMix64.
fn normal(count: usize) -> Vec<f32> {
    let mut state = 0u64;
    let mut uniform = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The upper 53 bits, never 0.
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    let one = |_| ((-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()) as f32;
    (0..count).map(one).collect()
}
