//! Damage to requests, made from a seed.

/// A small generator (SplitMix64): the same seed gives the same damage.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, or 0.
    pub fn below(&mut self, limit: usize) -> usize {
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

/// Damages a body in a few places.
pub fn body(body: &mut Vec<u8>, random: &mut Random) {
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

/// Damages a file in a few places: request line, headers, body alike. Sometimes a piece of another
/// file takes the place of one of its own.
pub fn file(file: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    if random.below(4) == 0 && !other.is_empty() {
        let from = random.below(other.len());
        let piece = &other[from..from + random.below(other.len() - from + 1)];
        let start = random.below(file.len() + 1);
        let end = start + random.below(file.len() - start + 1);
        file.splice(start..end, piece.iter().copied());
    }
    if random.below(8) == 0 && file.len() < 64 * 1024 {
        let copy = file.clone();
        file.extend(copy);
    }
    body(file, random);
}
