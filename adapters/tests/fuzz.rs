//! Any bytes and headers into any adapter, for a while: nothing panics, and what must hold holds.
//!
//! The corpus is every fixture; inputs are made of it from a seed, which a failure names. It runs for
//! [`SECONDS`], or as many as `FRONTDESK_FUZZ_SECONDS` says: an hour after a new family of adapters.

#[path = "support/damage.rs"]
mod damage;
#[path = "../fuzz/harness.rs"]
mod harness;

use std::{
    panic::{self, AssertUnwindSafe},
    time::{Duration, Instant},
};

use damage::Random;

const SECONDS: u64 = 5;

#[test]
fn no_bytes_make_an_adapter_panic() {
    let seconds = std::env::var("FRONTDESK_FUZZ_SECONDS");
    let seconds = seconds.ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let files: Vec<&[u8]> =
        harness::channels().iter().flat_map(|channel| &channel.files).map(Vec::as_slice).collect();
    let first = std::env::var("FRONTDESK_FUZZ_SEED").ok().and_then(|text| text.parse().ok());
    let (first, began) = (first.unwrap_or(0), now());
    let mut seed = first;
    while now().duration_since(began) < Duration::from_secs(seconds) {
        let input = input(&files, seed);
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| harness::run(&input)));
        if outcome.is_err() {
            let shown = String::from_utf8_lossy(&input[2..]);
            panic!("FRONTDESK_FUZZ_SEED={seed}, adapter {}: {shown}", input[0]);
        }
        seed += 1;
    }
    println!("{} inputs in {seconds} s", seed - first);
}

/// A fixture for its own adapter, most of the time, damaged.
fn input(files: &[&[u8]], seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let channels = harness::channels();
    let place = random.below(channels.len());
    let (own, any) = (&channels[place].files, random.below(files.len()));
    let mut file = if random.below(8) == 0 {
        files[any].to_vec()
    } else {
        own[random.below(own.len())].clone()
    };
    for _ in 0..=random.below(4) {
        damage::file(&mut file, files[any], &mut random);
    }
    let [adapter, how] = [place, random.below(3)].map(|it| u8::try_from(it).unwrap_or_default());
    [&[adapter, how], file.as_slice()].concat()
}

#[expect(clippy::disallowed_methods, reason = "how long it runs is nobody's else to say")]
fn now() -> Instant {
    Instant::now()
}
