//! Texts as networks carry them: not always UTF-8.
//!
//! Nothing here fails: what a charset has no letter for becomes U+FFFD.

use std::sync::LazyLock;

use percent_encoding::percent_decode;

/// The basic alphabet of GSM 03.38 by code; the escape to the extension is a gap.
const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{fffd}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                   ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
static ALPHABET: LazyLock<Vec<char>> = LazyLock::new(|| GSM.chars().collect());
const ESCAPE: u8 = 0x1b;

/// Big-endian UTF-16, which SMS calls UCS-2.
pub(crate) fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks(2).map(|pair| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0xfffd,
    });
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// ISO 8859-1.
pub(crate) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// GSM 03.38, a septet a byte. Bytes beyond seven bits say that it is something else: UTF-8, or
/// ISO 8859-1.
pub(crate) fn gsm(bytes: &[u8]) -> String {
    if !bytes.is_ascii() {
        return utf8_or_latin1(bytes);
    }
    let mut text = String::with_capacity(bytes.len());
    let mut codes = bytes.iter().copied();
    while let Some(code) = codes.next() {
        text.push(match code {
            ESCAPE => codes.next().map_or(char::REPLACEMENT_CHARACTER, extension),
            code => ALPHABET[usize::from(code)],
        });
    }
    text
}

fn extension(code: u8) -> char {
    match code {
        0x0a => '\u{c}',
        0x14 => '^',
        0x28 => '{',
        0x29 => '}',
        0x2f => '\\',
        0x3c => '[',
        0x3d => '~',
        0x3e => ']',
        0x40 => '|',
        0x65 => '€',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// UTF-8 where it is, else ISO 8859-1.
pub(crate) fn utf8_or_latin1(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| latin1(bytes), str::to_owned)
}

/// Decodes by a charset's name; an unknown or empty one is UTF-8.
pub(crate) fn named(name: &str, bytes: &[u8]) -> String {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    match name.to_ascii_lowercase().as_str() {
        "utf16" | "utf16be" | "ucs2" | "iso10646ucs2" => utf16(bytes),
        "iso88591" | "latin1" | "windows1252" | "cp1252" => latin1(bytes),
        "gsm" | "gsm7" | "gsm0338" => gsm(bytes),
        _ => utf8_or_latin1(bytes),
    }
}

/// The bytes behind percent-encoding, `+` being a space.
pub(crate) fn percent_decoded(encoded: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> =
        encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_has_a_letter_for_every_septet() {
        // Codes from the table of 3GPP TS 23.038, section 6.2.1.
        assert_eq!(GSM.chars().count(), 128);
        for (code, letter) in [
            (0x00, '@'),
            (0x10, 'Δ'),
            (0x11, '_'),
            (0x1f, 'É'),
            (0x24, '¤'),
            (0x40, '¡'),
            (0x41, 'A'),
            (0x5e, 'Ü'),
            (0x60, '¿'),
            (0x7a, 'z'),
            (0x7f, 'à'),
        ] {
            assert_eq!(gsm(&[code]), letter.to_string(), "{code:#x}");
        }
        assert_eq!(gsm(b"5 \x1be \x05t\x05"), "5 € été");
        assert_eq!(gsm(b"\x1b"), "\u{fffd}");
        assert_eq!(gsm("été".as_bytes()), "été");
    }

    #[test]
    fn bytes_are_read_by_the_name_of_their_charset() {
        let bytes = percent_decoded(b"%00t%00e%00n%00%ED%00a%00+%D8%3D%DC%4B%00");
        assert_eq!(named("UTF-16BE", &bytes), "tenía 👋\u{fffd}");
        assert_eq!(named("ISO-8859-1", &percent_decoded(b"caf%E9+%21%")), "café !%");
        assert_eq!(named("", "olá".as_bytes()), "olá");
        assert_eq!(named("UTF-8", b"caf\xe9"), "café");
    }
}
