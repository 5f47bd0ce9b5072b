//! Runs kernels by `host.c`, which is compiled when the first test asks for it.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::OnceLock;

/// What a kernel reads or writes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array(Vec<u8>);

impl Array {
    /// Room for so many numbers of 32 bits; what the kernel leaves unwritten is NaN, or a large whole number.
    pub(crate) fn unwritten(len: usize) -> Self {
        Self(vec![0xff; len * 4])
    }

    /// Room for so many bytes.
    pub(crate) fn unwritten_bytes(len: usize) -> Self {
        Self(vec![0xff; len])
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn words(&self) -> Vec<u32> {
        self.0.as_chunks().0.iter().map(|bytes| u32::from_ne_bytes(*bytes)).collect()
    }

    pub(crate) fn floats(&self) -> Vec<f32> {
        self.words().into_iter().map(f32::from_bits).collect()
    }
}

impl From<&[u8]> for Array {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&[u32]> for Array {
    fn from(words: &[u32]) -> Self {
        Self(words.iter().flat_map(|word| word.to_ne_bytes()).collect())
    }
}

impl From<&[i32]> for Array {
    fn from(words: &[i32]) -> Self {
        Self(words.iter().flat_map(|word| word.to_ne_bytes()).collect())
    }
}

impl From<&[i16]> for Array {
    fn from(halves: &[i16]) -> Self {
        Self(halves.iter().flat_map(|half| half.to_ne_bytes()).collect())
    }
}

impl From<&[f32]> for Array {
    fn from(values: &[f32]) -> Self {
        Self(values.iter().flat_map(|value| value.to_ne_bytes()).collect())
    }
}

/// What a kernel takes by value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Whole(usize),
    Real(f32),
}

use Number::{Real, Whole};

/// The arrays of a kernel after `threads` threads and some more that have nothing to do. Threads first to last and last
/// to first must give the same bytes.
#[track_caller]
pub(crate) fn launch<const N: usize>(
    kernel: &str,
    threads: usize,
    arrays: &[Array; N],
    numbers: &[Number],
) -> [Array; N] {
    let [forwards, backwards] =
        ["forwards", "backwards"].map(|order| launch_in_order(kernel, threads + 3, order, arrays, numbers));
    assert!(forwards == backwards, "{kernel}: the result depends on the order of threads");
    forwards.try_into().unwrap()
}

fn launch_in_order(
    kernel: &str,
    threads: usize,
    order: &str,
    arrays: &[Array],
    numbers: &[Number],
) -> Vec<Array> {
    let numbers = numbers.iter().map(|number| match number {
        Whole(number) => number.to_string(),
        Real(number) => number.to_bits().to_string(),
    });
    let mut command = Command::new(program());
    command.args([kernel, &threads.to_string(), order]).args(numbers);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = Vec::new();
    for Array(bytes) in arrays {
        input.extend((bytes.len() as u64).to_ne_bytes());
        input.extend(bytes);
    }
    // It reads all before it writes. If it gives up before, its status says more than a broken pipe.
    let sent = child.stdin.take().unwrap().write_all(&input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{kernel}: {}", String::from_utf8_lossy(&output.stderr));
    sent.unwrap();
    let mut rest = output.stdout.as_slice();
    let mut found = Vec::new();
    while let Some((len, bytes)) = rest.split_first_chunk() {
        let (bytes, after) = bytes.split_at(u64::from_ne_bytes(*len) as usize);
        found.push(Array(bytes.to_vec()));
        rest = after;
    }
    found
}

/// The compiled `host.c`.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(compile)
}

/// Compiles `host.c` with `$CC`, else `cc`. Multiply-adds are not fused, as in the steps of optimizers in `kernels`.
fn compile() -> PathBuf {
    let named = env::var("CC").ok().filter(|named| !named.trim().is_empty());
    let named = named.unwrap_or_else(|| "cc".to_owned());
    let words: Vec<&str> = named.split_whitespace().collect();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cuda_kernels/host.c");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cuda-kernels-on-the-host");
    // Under a name of its own first: another run of these tests may be using the program.
    let mine = program.with_extension(process::id().to_string());
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(["-O1", "-ffp-contract=off", "-o"]).arg(&mine).arg(source).arg("-lm");
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("`{named}` does not compile: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!(
            "these tests need a C compiler, and `{named}` does not start: {error}; install cc, or name another by CC"
        ),
    }
    std::fs::rename(&mine, &program).unwrap();
    program
}
