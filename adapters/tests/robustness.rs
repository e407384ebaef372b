//! Whatever is signed is understood somehow: no bytes make an adapter panic or refuse.
//!
//! Every fixture's body is damaged in many ways, signed again and decoded. The damage is made from
//! a seed, which a failure names.

#[path = "support/damage.rs"]
#[expect(dead_code, reason = "whole files are damaged elsewhere")]
mod damage;
#[path = "../fuzz/harness.rs"]
#[expect(dead_code, reason = "the fuzz target uses the rest")]
mod harness;

use damage::Random;
use frontdesk_adapters::{Decoded, Method, decode, fixture};

const ROUNDS: u64 = 120;

#[test]
fn no_damage_makes_a_signed_request_unreadable() {
    for channel in harness::channels() {
        let (adapter, account, now) = (channel.adapter, &channel.account, channel.now);
        // Public keys take a thousand times as long to sign with as secrets do.
        let rounds = if account.secrets("private_key").is_empty() { ROUNDS } else { ROUNDS / 8 };
        for (place, file) in channel.files.iter().enumerate() {
            for seed in 0..rounds {
                let mut request = fixture::read(file, "https://desk.example").expect("a request");
                if matches!(request.method, Method::Get | Method::Options) {
                    continue;
                }
                damage::body(&mut request.body, &mut Random(seed));
                adapter.verifier.sign(&mut request, account, now).expect("a signed request");
                let decoded = decode(adapter, account, request, now);
                let understood = matches!(decoded, Decoded::Verified { .. });
                let provider = adapter.provider;
                assert!(understood, "{provider}, file {place}, seed {seed}: {decoded:?}");
            }
        }
    }
}
