//! WeChat's encryption: AES-256 in CBC mode, whose first block of the key is the initial vector.
//!
//! Inside are 16 random bytes, the length of the content, the content and the application's id. The
//! signature is checked before anything is decrypted, so padding tells nobody anything.

use aes::Aes256;
use base64::{
    Engine,
    alphabet::STANDARD as ALPHABET,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use cbc::cipher::{Block, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use sha2::{Digest, Sha256};

use crate::Secret;

type Key = [u8; 32];

const BLOCK: usize = 16;
/// Content is padded to this, whatever the cipher's own block.
const PADDED_TO: usize = 32;
/// Random bytes and length.
const HEAD: usize = 16 + 4;

/// The last of the 43 characters may hold two bits more than the key has.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key behind an `EncodingAESKey`.
pub(super) fn key(encoded: &Secret) -> Option<Key> {
    LENIENT.decode(encoded.expose().trim()).ok()?.try_into().ok()
}

/// The content; `None` when it was not encrypted with this key, or for another application.
pub(super) fn decrypt(key: &Key, encrypted: &str, app: &str) -> Option<Vec<u8>> {
    let mut bytes = STANDARD.decode(encrypted.trim()).ok()?;
    if bytes.is_empty() || !bytes.len().is_multiple_of(BLOCK) {
        return None;
    }
    let mut cipher = cbc::Decryptor::<Aes256>::new_from_slices(key, &key[..BLOCK]).ok()?;
    for block in bytes.chunks_exact_mut(BLOCK) {
        let block: &mut Block<Aes256> = block.try_into().ok()?;
        cipher.decrypt_block(block);
    }
    let padding = usize::from(*bytes.last()?);
    let end = bytes.len().checked_sub(padding).filter(|_| (1..=PADDED_TO).contains(&padding))?;
    if bytes[end..].iter().any(|byte| usize::from(*byte) != padding) {
        return None;
    }
    let length = u32::from_be_bytes(bytes.get(HEAD - 4..HEAD)?.try_into().ok()?);
    let content = HEAD.checked_add(usize::try_from(length).ok()?).filter(|to| *to <= end)?;
    (bytes[content..end] == *app.as_bytes()).then(|| bytes[HEAD..content].to_vec())
}

/// As the provider would, but for the random bytes, which are the content's own: only for trying a
/// channel without its provider.
pub(super) fn encrypt(key: &Key, content: &[u8], app: &str) -> String {
    let mut bytes = Sha256::digest(content)[..16].to_vec();
    let length = u32::try_from(content.len()).expect("a body of less than four gigabytes");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(content);
    bytes.extend_from_slice(app.as_bytes());
    let padding = PADDED_TO - bytes.len() % PADDED_TO;
    let byte = u8::try_from(padding).expect("at most 32");
    bytes.resize(bytes.len() + padding, byte);
    let mut cipher = cbc::Encryptor::<Aes256>::new_from_slices(key, &key[..BLOCK])
        .expect("a key of 32 and a vector of 16 bytes");
    for block in bytes.chunks_exact_mut(BLOCK) {
        cipher.encrypt_block(block.try_into().expect("whole blocks"));
    }
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_is_read_by_the_right_key_for_the_right_application() {
        let key_of = |text: &str| key(&Secret::new(text)).expect("a key");
        let ours = key_of("kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR");
        let other = key_of("kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aA");
        for length in 0..70 {
            let content = vec![b'x'; length];
            let encrypted = encrypt(&ours, &content, "wx1");
            assert_eq!(decrypt(&ours, &encrypted, "wx1"), Some(content));
            assert_eq!(decrypt(&ours, &encrypted, "wx2"), None);
            assert_eq!(decrypt(&other, &encrypted, "wx1"), None);
        }
        assert_eq!(key(&Secret::new("short")), None);
    }

    #[test]
    fn no_bytes_make_the_cipher_panic() {
        let key = [7; 32];
        for length in 0..200_usize {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 37 % 251) as u8).collect();
            assert_eq!(decrypt(&key, &STANDARD.encode(bytes), ""), None);
        }
        assert_eq!(decrypt(&key, "!", ""), None);
    }
}
