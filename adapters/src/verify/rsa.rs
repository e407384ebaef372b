//! RSA signatures (PKCS #1, version 1.5), verified with published keys and certificates.
//!
//! Signing is for fixtures and for trying a channel, with a key made for that: timing attacks on the
//! private half have nothing to gain here.

use std::ops::RangeInclusive;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD as BASE64URL},
};
use rsa::{
    BoxedUint, Pkcs1v15Sign, pkcs1::DecodeRsaPublicKey, pkcs8::DecodePrivateKey,
    pkcs8::spki::SubjectPublicKeyInfoRef, traits::PublicKeyParts,
};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use x509_cert::{
    Certificate,
    der::{Decode, Encode},
};

use super::Hash;

/// Smaller keys can be broken, larger ones only cost time.
const KEY_BITS: RangeInclusive<usize> = 2048..=4096;

pub(super) struct PublicKey(rsa::PublicKey);

impl PublicKey {
    /// The key of a JWK's modulus and exponent.
    pub fn of_components(modulus: &str, exponent: &str) -> Option<Self> {
        let number = |text| Some(BoxedUint::from_be_slice_vartime(&BASE64URL.decode(text).ok()?));
        let (modulus, exponent) = (number(modulus)?, number(exponent)?);
        rsa::PublicKey::new_with_size_limits(modulus, exponent, KEY_BITS).ok().map(Self)
    }

    /// The key of a certificate (PEM, the first one if there are several), and the Unix seconds
    /// between which it is valid. Who issued it is not checked.
    pub fn of_certificate(pem: &str) -> Option<(Self, RangeInclusive<i64>)> {
        let chain = Certificate::load_pem_chain(pem.trim().as_bytes()).ok()?;
        let certificate = chain.first()?.tbs_certificate();
        let key = certificate.subject_public_key_info().to_der().ok()?;
        let key = rsa::PublicKey::try_from(SubjectPublicKeyInfoRef::from_der(&key).ok()?).ok();
        let key = key.filter(has_good_size)?;
        let seconds = |time: x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
        };
        let validity = certificate.validity();
        Some((Self(key), seconds(validity.not_before)..=seconds(validity.not_after)))
    }

    /// A public key as people paste it: SPKI or PKCS #1, whatever the armor calls it, with or without
    /// the armor and its line breaks.
    pub fn of_public(text: &str) -> Option<Self> {
        let lines = text.split("-----").filter(|part| !part.contains(" PUBLIC KEY"));
        let key: String = lines.flat_map(str::split_whitespace).collect();
        let key = BASE64.decode(key).ok()?;
        let spki = SubjectPublicKeyInfoRef::from_der(&key).ok();
        let key = match spki.map(rsa::PublicKey::try_from) {
            Some(key) => key.ok(),
            None => rsa::PublicKey::from_pkcs1_der(&key).ok(),
        };
        key.filter(has_good_size).map(Self)
    }

    /// The public half of a private key (PKCS #8, PEM).
    pub fn of_private(pem: &str) -> Option<Self> {
        Some(Self(private(pem)?.to_public_key()))
    }

    pub fn verifies(&self, hash: Hash, signed: &[u8], signature: &[u8]) -> bool {
        self.0.verify(padding(hash), &hash.digest(signed), signature).is_ok()
    }
}

/// Signs with a private key (PKCS #8, PEM); `None` if it is none.
pub(super) fn sign(pem: &str, hash: Hash, signed: &[u8]) -> Option<Vec<u8>> {
    private(pem)?.sign(padding(hash), &hash.digest(signed)).ok()
}

fn private(pem: &str) -> Option<rsa::PrivateKey> {
    let key = rsa::PrivateKey::from_pkcs8_pem(pem.trim()).ok()?;
    has_good_size(&key.to_public_key()).then_some(key)
}

fn has_good_size(key: &rsa::PublicKey) -> bool {
    KEY_BITS.contains(&(key.size() * 8))
}

/// The padding names the hash. No provider signs with MD5 or SHA-224: those are padded as no hash
/// at all, which no signature of theirs matches.
fn padding(hash: Hash) -> Pkcs1v15Sign {
    match hash {
        Hash::Sha1 => Pkcs1v15Sign::new::<Sha1>(),
        Hash::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
        Hash::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
        Hash::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
        Hash::Md5 | Hash::Sha224 => Pkcs1v15Sign::new_unprefixed(),
    }
}
