//! Whatever is signed is understood somehow: no bytes make an adapter panic or refuse.
//!
//! Every fixture's body is damaged in many ways, signed again and decoded. The damage is made from
//! a seed, which a failure names.

use std::{fs, path::Path};

use frontdesk_adapters::{Account, Decoded, Timestamp, decode, fixture, providers};
use serde_json::Value;

const ROUNDS: u64 = 120;

/// A small generator (SplitMix64): the same seed gives the same damage.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).expect("a small number");
        usize::try_from(self.next() % limit).expect("a small number")
    }
}

/// Values that have broken parsers before.
const ODD: &[&str] = &[
    "null",
    "[]",
    "{}",
    "-1",
    "1e999",
    "\"\"",
    "\"\\u0000\"",
    "\"\\ud83d\"",
    "99999999999999999999",
    "%00",
    "%",
    "&",
    "=",
];

fn damage(body: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let place = random.below(body.len() + 1);
        match random.below(6) {
            0 => body.truncate(place),
            1 if place < body.len() => body[place] ^= 1 << random.below(8),
            2 if place < body.len() => drop(body.remove(place)),
            3 => {
                let odd = ODD[random.below(ODD.len())];
                body.splice(place..place, odd.bytes());
            }
            4 => {
                let end = place + random.below(body.len() - place + 1);
                let piece = body[place..end].to_vec();
                body.splice(place..place, piece);
            }
            // A whole value replaced: from a colon or equals sign to the next separator.
            _ => {
                let from = body[place..].iter().position(|byte| matches!(byte, b':' | b'='));
                if let Some(start) = from.map(|start| place + start + 1) {
                    let ends = |byte: &u8| matches!(byte, b',' | b'}' | b'&');
                    let end =
                        body[start..].iter().position(ends).map_or(body.len(), |end| start + end);
                    body.splice(start..end, ODD[random.below(ODD.len())].bytes());
                }
            }
        }
    }
}

#[test]
fn no_damage_makes_a_signed_request_unreadable() {
    for adapter in providers::ALL {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(adapter.provider);
        let channels = fs::read(folder.join("account.json")).expect("the fixture's account");
        let channels: Value = serde_json::from_slice(&channels).expect("JSON");
        for entry in fs::read_dir(&folder).expect("the fixture folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "http") {
                continue;
            }
            let file = fs::read(&path).expect("a readable file");
            let url = fixture::read(&file, "https://desk.example").expect("a request").url;
            let channel = fixture::channel(&channels, &url);
            let account = &channel["account"];
            let account = Account::for_channel(adapter, account).expect("a usable account");
            let now = channel["now"].as_str().and_then(Timestamp::parse_rfc3339).expect("a time");
            for seed in 0..ROUNDS {
                let mut request = fixture::read(&file, "https://desk.example").expect("a request");
                if request.method == frontdesk_adapters::Method::Get {
                    continue;
                }
                damage(&mut request.body, &mut Random(seed));
                adapter.verifier.sign(&mut request, &account, now).expect("a signed request");
                let decoded = decode(adapter, &account, request, now);
                let understood = matches!(decoded, Decoded::Verified { .. });
                assert!(understood, "{} with seed {seed}: {decoded:?}", path.display());
            }
        }
    }
}
