//! Senders in every form networks give them, and numbers with two spellings.

use super::*;

fn shown(raw: &str, home: Option<&str>) -> String {
    let home = home.map(|code| code.parse().expect("a region"));
    address(raw, home)
        .map_or("none".into(), |address| format!("{} {}", address.kind.as_str(), address.value))
}

#[test]
fn senders_become_what_they_are() {
    for (raw, home, expected) in [
        ("+1 (212) 555-0123", None, "phone +12125550123"),
        ("2125550123", Some("US"), "phone +12125550123"),
        ("07400 123456", Some("GB"), "phone +447400123456"),
        // Area code 555 is in no plan, but the network says it is a number.
        ("+15550100002", None, "phone +15550100002"),
        ("+5215512345678", None, "phone +5215512345678"),
        ("68849", Some("US"), "short_code 68849"),
        ("12345", None, "short_code 12345"),
        ("BANK", Some("US"), "alphanumeric BANK"),
        ("Bank24", None, "alphanumeric Bank24"),
        ("  ", None, "none"),
        ("+1234", None, "user +1234"),
        ("+1234567890123456", None, "user +1234567890123456"),
        ("+0123456789", None, "user +0123456789"),
    ] {
        assert_eq!(shown(raw, home), expected, "{raw:?} in {home:?}");
    }
}

#[test]
fn digits_of_an_international_number_get_their_plus() {
    let shown = |raw| international_address(raw).map(|address| address.value);
    assert_eq!(shown("447400123456").as_deref(), Some("+447400123456"));
    assert_eq!(shown("15550783881").as_deref(), Some("+15550783881"));
    assert_eq!(shown("68849").as_deref(), Some("68849"));
}

#[test]
fn twins_are_found_in_both_directions() {
    for (one, other) in [
        ("+5511987654321", "+551187654321"),
        ("+5215512345678", "+525512345678"),
        ("+5491123456789", "+541123456789"),
        ("+2290197123456", "+22997123456"),
    ] {
        assert_eq!(twins(one), [other]);
        assert_eq!(twins(other), [one]);
    }
    // Brazilian fixed lines begin with 2 to 5 and never had a ninth digit.
    assert!(twins("+551132345678").is_empty());
    assert!(twins("+551171234567").is_empty());
    assert!(twins("+12125550123").is_empty());
    assert!(twins("+55").is_empty());
}

#[test]
fn regions_are_read_from_our_own_number() {
    assert_eq!(Region::of("+447400123456").map(|region| region.to_string()).as_deref(), Some("GB"));
    assert_eq!(Region::of("short"), None);
    assert_eq!("xx1".parse::<Region>(), Err(NotARegion));
}

#[test]
fn the_shortcut_for_north_america_says_what_the_library_says() {
    for area in 200..1000 {
        for line in ["2345678", "5550123", "0000000", "1234567", "9999999"] {
            let raw = format!("+1{area}{line}");
            assert!(is_north_american(&raw));
            if let Ok(number) = E164::parse(&raw, None) {
                assert_eq!(number.as_str(), raw);
            }
        }
    }
    for other in ["+11234567890", "+1212555012", "+1212555012é", "+442071838750"] {
        assert!(!is_north_american(other), "{other}");
    }
}

#[test]
fn a_region_of_a_number_has_numbers() {
    for (number, region) in [
        ("+5511961234567", "BR"),
        ("+447400123456", "GB"),
        ("+441534456789", "JE"),
        ("+12425550123", "BS"),
        ("+80012345678", "001"),
    ] {
        let found = Region::of(number).expect(number);
        assert_eq!((found, found.has_numbers()), (region.parse().expect(region), true), "{number}");
    }
    for none in ["XX", "ZZ", "AQ"] {
        assert!(!none.parse::<Region>().is_ok_and(Region::has_numbers), "{none}");
    }
}
