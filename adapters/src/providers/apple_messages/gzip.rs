//! Bodies compressed by gzip (RFC 1952), within bounds.

use miniz_oxide::inflate::decompress_to_vec_with_limit;

use crate::Malformed;

/// How gzip begins, with the only method there is.
pub(super) const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// Far more than a message has, and little enough that nobody can fill our memory.
const MAX_BYTES: usize = 4 << 20;

const HEADER_BYTES: usize = 10;
/// A checksum and the length, behind the data.
const TRAILER_BYTES: usize = 8;

const CHECKSUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

/// Unpacks `body`. Its checksum is left to TLS, which has one of its own.
pub(super) fn unpack(body: &[u8]) -> Result<Vec<u8>, Malformed> {
    let data = data(body).ok_or_else(|| Malformed("the gzip body is cut off".to_owned()))?;
    decompress_to_vec_with_limit(data, MAX_BYTES)
        .map_err(|_| Malformed("the gzip body is broken or too long".to_owned()))
}

/// The compressed data between header and trailer.
fn data(body: &[u8]) -> Option<&[u8]> {
    let flags = *body.get(3)?;
    let mut rest = body.get(HEADER_BYTES..)?;
    if flags & EXTRA != 0 {
        let length = usize::from(u16::from_le_bytes([*rest.first()?, *rest.get(1)?]));
        rest = rest.get(2 + length..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            rest = rest.get(rest.iter().position(|byte| *byte == 0)? + 1..)?;
        }
    }
    if flags & CHECKSUM != 0 {
        rest = rest.get(2..)?;
    }
    rest.get(..rest.len().checked_sub(TRAILER_BYTES)?)
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

    use super::*;

    /// Made with Python's gzip module.
    const HELLO: &str = "H4sIAAAAAAACA6tWykjNyclXslIqzy/KSVGqBQDRQQnYEQAAAA==";

    #[test]
    fn what_others_pack_is_unpacked() {
        let packed = BASE64.decode(HELLO).expect("base64");
        assert_eq!(unpack(&packed).expect("unpacked"), br#"{"hello":"world"}"#);
        let mut named = packed[..3].to_vec();
        named.push(NAME | EXTRA | CHECKSUM | COMMENT);
        named.extend(&packed[4..10]);
        named.extend(b"\x02\x00xxname\0comment\0cc");
        named.extend(&packed[10..]);
        assert_eq!(unpack(&named).expect("unpacked"), br#"{"hello":"world"}"#);
    }

    #[test]
    fn what_is_cut_off_or_endless_is_refused() {
        let packed = BASE64.decode(HELLO).expect("base64");
        for length in 3..packed.len() - 1 {
            assert!(unpack(&packed[..length]).is_err(), "{length}");
        }
        let zeros = miniz_oxide::deflate::compress_to_vec(&vec![0; MAX_BYTES + 1], 9);
        let bomb = [&packed[..10], &zeros, &[0; 8]].concat();
        assert!(unpack(&bomb).is_err());
    }
}
