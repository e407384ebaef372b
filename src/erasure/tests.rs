//! How addresses are found in raw texts, row by row.

use super::needles::Needles;

#[test]
fn an_address_is_found_in_every_spelling_and_not_in_something_longer() {
    let of = |address: &str| Needles::of(&[address.to_owned()].into());
    for (address, text, found) in [
        ("+15550100002", "From=%2B15550100002&To=1", true),
        ("+15550100002", r#"{"from":"15550100002"}"#, true),
        ("+15550100002", r#"{"from":"+15550100002"}"#, true),
        ("+15550100002", r#"{"from":"155501000021"}"#, false),
        ("+15550100002", r#"{"id":915550100002}"#, false),
        ("ana@example.com", "from=ana%40example.com", true),
        ("ana@example.com", "to: <ana@example.com>", true),
        ("ana@example.com", "to: banana@example.com", false),
        ("ana@example.com", "to: ana@example.community", false),
        ("visitor-17", r#"{"id":"visitor-17"}"#, true),
        ("visitor-17", r#"{"id":"visitor-170"}"#, false),
        ("987654321", "user 987654321 said", true),
        // Too short to mean anything in a raw text.
        ("4711", "the 4711 of them", false),
    ] {
        assert_eq!(of(address).stand_in(text.as_bytes()), found, "{address} in {text}");
    }
    assert!(of("+15550100002").are("15550100002") && !of("4711").are("14711"));
}
