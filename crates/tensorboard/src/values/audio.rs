//! Sounds of the Audio dashboard: WAV files of samples.

use prost::Message;

use crate::event::{AUDIO, plugin};
use crate::message::plugin::{AudioEncoding, AudioPluginData};
use crate::message::{PluginData, TensorProto};
use crate::{Event, InputError, Step, WallTime};

/// What all samples of TensorFlow's WAV files are: 16-bit integers.
const BYTES_PER_SAMPLE: u16 = 2;
/// What a WAV file has before its samples.
const HEADER_BYTES: usize = 44;

/// A WAV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audio {
    file: Vec<u8>,
}

impl Audio {
    /// A sound from its samples, those of a frame side by side: shape (frames, channels), from -1 to 1, of which
    /// lower ones are -1, higher ones 1. `sample_rate` is in frames a second. Samples become 16-bit integers, as
    /// in TensorFlow's `encode_wav`.
    ///
    /// # Errors
    /// If there are no samples or no channels, if the last frame is not whole, and at NaN.
    pub fn new(sample_rate: u32, channels: u16, samples: &[f32]) -> Result<Self, InputError> {
        if samples.is_empty() || channels == 0 || sample_rate == 0 {
            return Err(InputError::Empty { what: "samples, channels or frames a second" });
        }
        let frames = samples.len().div_ceil(channels.into());
        if frames * usize::from(channels) != samples.len() {
            let expected = frames * usize::from(channels);
            let reason = "so many channels have all frames";
            return Err(InputError::Count { what: "samples", found: samples.len(), expected, reason });
        }
        let limit = (u32::MAX as usize - HEADER_BYTES) / usize::from(BYTES_PER_SAMPLE);
        if samples.len() > limit {
            let remedy = "write the sound in parts";
            return Err(InputError::TooMany { what: "samples", found: samples.len(), limit, remedy });
        }
        let mut file = header(sample_rate, channels, (samples.len() * usize::from(BYTES_PER_SAMPLE)) as u32);
        for (index, &sample) in samples.iter().enumerate() {
            if sample.is_nan() {
                return Err(InputError::number("sample", index, sample, "a number from -1 to 1"));
            }
            // The conversion saturates.
            file.extend(((sample * 32_768.0).round() as i16).to_le_bytes());
        }
        Ok(Self { file })
    }

    /// A file that is already encoded as WAV.
    ///
    /// # Errors
    /// If the bytes do not begin as such a file.
    pub fn encoded(file: impl Into<Vec<u8>>) -> Result<Self, InputError> {
        let file = file.into();
        if file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WAVE") {
            Ok(Self { file })
        } else {
            Err(InputError::File { expected: "WAV" })
        }
    }

    /// The WAV file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.file
    }
}

impl Event {
    /// One sound of a series. TensorBoard keeps those of ten steps a tag.
    pub fn audio(at: WallTime, tag: &str, step: Step, audio: &Audio) -> Self {
        // A sound and its label, which no TensorBoard shows any more.
        let tensor = TensorProto::strings(&[1, 2], vec![audio.file.clone(), Vec::new()]);
        let content = AudioPluginData { encoding: AudioEncoding::Wav.into(), ..AudioPluginData::default() };
        let plugin = PluginData { content: content.encode_to_vec(), ..plugin(AUDIO) };
        Self::summary(at, tag, step, tensor, plugin)
    }
}

/// What comes before the samples: a RIFF file with one format chunk (PCM) and one data chunk.
fn header(sample_rate: u32, channels: u16, data_bytes: u32) -> Vec<u8> {
    let frame_bytes = channels.saturating_mul(BYTES_PER_SAMPLE);
    let mut header = Vec::with_capacity(HEADER_BYTES + data_bytes as usize);
    header.extend(b"RIFF");
    header.extend((HEADER_BYTES as u32 - 8 + data_bytes).to_le_bytes());
    header.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    header.extend(channels.to_le_bytes());
    header.extend(sample_rate.to_le_bytes());
    header.extend(sample_rate.saturating_mul(frame_bytes.into()).to_le_bytes());
    header.extend(frame_bytes.to_le_bytes());
    header.extend((8 * BYTES_PER_SAMPLE).to_le_bytes());
    header.extend(b"data");
    header.extend(data_bytes.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wav_file_is_that_of_python() {
        // >>> w = wave.open(f, "wb"); w.setparams((2, 2, 8000, 0, "NONE", ""))
        // >>> w.writeframes(struct.pack("<4h", 0, 16384, -32768, 32767)); f.getvalue().hex()
        let expected = "524946462c00000057415645666d74201000000001000200401f0000007d00000400100064617461080000000000004\
                        00080ff7f";
        let audio = Audio::new(8000, 2, &[0.0, 0.5, -7.0, 1.0]).unwrap();
        let hex: String = audio.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
        assert_eq!(Audio::encoded(audio.as_bytes()).unwrap(), audio);
    }

    #[test]
    fn what_is_no_sound_is_an_error() {
        let check = |audio: Result<Audio, InputError>, expected: &str| {
            assert_eq!(audio.unwrap_err().to_string(), expected);
        };
        check(Audio::new(8000, 1, &[]), "no samples, channels or frames a second: give at least one");
        check(Audio::new(8000, 0, &[0.0]), "no samples, channels or frames a second: give at least one");
        check(Audio::new(8000, 2, &[0.0; 3]), "3 samples, expected 4: so many channels have all frames");
        check(Audio::new(8000, 1, &[0.0, f32::NAN]), "sample 1 is NaN, expected a number from -1 to 1");
        check(Audio::encoded(b"RIFF".as_slice()), "these bytes are no whole WAV file");
    }
}
