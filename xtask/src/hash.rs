//! MD5 and SHA-256 of a stream, as md5sum and sha256sum print them; knows nothing of what is hashed.

use std::fmt::Write;
use std::io::{self, ErrorKind, Read};

use sha2::{Digest, Sha256};

/// MD5 and SHA-256 of all bytes, in lower-case hexadecimal.
pub(crate) fn hashes(mut bytes: impl Read) -> io::Result<(String, String)> {
    let (mut md5, mut sha256) = (md5::Context::new(), Sha256::new());
    let mut buffer = vec![0; 1 << 18];
    loop {
        match bytes.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                md5.consume(&buffer[..read]);
                sha256.update(&buffer[..read]);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok((hex(&md5.finalize().0), hex(&sha256.finalize())))
}

/// The SHA-256 of bytes in memory.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples() {
        // RFC 1321, A.5 and FIPS 180-4's example.
        let (md5, sha256) = hashes(&b"abc"[..]).unwrap();
        assert_eq!(md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
