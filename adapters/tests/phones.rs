//! Two phone parsers against the reference library, on the same numbers.
//!
//! `phones.tsv` holds inputs and what the reference library makes of them; `phones.py` made it. The
//! parser that does the work must not differ anywhere. The second opinion may differ only where
//! `phones.differ.tsv` says so, so that a new disagreement between the two is looked into.

use std::collections::BTreeMap;

use frontdesk_adapters::phone::{E164, Region};

const REFERENCE: &str = include_str!("phones.tsv");
const KNOWN_DIFFERENCES: &str = include_str!("phones.differ.tsv");

struct Row<'a> {
    input: &'a str,
    region: &'a str,
    e164: &'a str,
    valid: bool,
}

fn rows() -> impl Iterator<Item = Row<'static>> {
    REFERENCE.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().expect("four columns");
        Row { input: cell(), region: cell(), e164: cell(), valid: cell() == "1" }
    })
}

#[test]
fn the_parser_agrees_with_the_reference_everywhere() {
    let mut seen = 0;
    for row in rows() {
        let number = E164::parse(row.input, row.region.parse::<Region>().ok());
        let number = number.as_ref().map(E164::as_str).unwrap_or_default();
        let expected = if row.valid { row.e164 } else { "" };
        assert_eq!(number, expected, "{:?} in {}", row.input, row.region);
        seen += 1;
    }
    assert!(seen > 6_000, "only {seen} numbers");
}

#[test]
fn the_second_opinion_differs_only_where_it_is_known_to() {
    let mut known: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for line in KNOWN_DIFFERENCES.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<_> = line.split('\t').collect();
        known.insert((cells[0], cells[1]), line);
    }
    let mut differing = 0;
    for row in rows() {
        let region: Option<phonenumber::country::Id> = row.region.parse().ok();
        let second = phonenumber::parse(region, row.input).ok().filter(phonenumber::is_valid);
        let second = second.map(|number| number.format().mode(phonenumber::Mode::E164).to_string());
        let expected = row.valid.then_some(row.e164);
        if second.as_deref() == expected {
            continue;
        }
        differing += 1;
        let key = (row.input, row.region);
        assert!(
            known.contains_key(&key),
            "a new difference: {key:?} is {second:?}, not {expected:?}"
        );
    }
    assert!(differing > 0, "the second opinion has been mended: empty the list of differences");
}
