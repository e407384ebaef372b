//! How words are made and asked for.

use super::*;

#[test]
fn case_accents_and_signs_make_no_difference() {
    for (text, expected) in [
        ("A refund, please!", "a refund please"),
        ("Où est l'entrée ?", "ou est l entree"),
        ("STRASSE  Straße", "strasse straße"),
        ("order #10-55/A", "order 10 55 a"),
        ("ﬁne ①", "fine 1"),
        ("  \u{301} ", ""),
        ("你好 мир", "你好 мир"),
    ] {
        assert_eq!(words(text), expected, "{text}");
    }
}

#[test]
fn what_is_typed_cannot_be_a_query_of_its_own() {
    let wanted = Wanted::of("refund' | \"order\" NEAR(a*) @3").expect("words");
    assert_eq!(wanted.sqlite(true), r#""refund" AND "order" AND "near" AND "a" AND "3"*"#);
    assert_eq!(
        wanted.postgres(true, Some(6..=7)),
        "'refund' & 'order' & 'near' & 'a' & '3':* & ('@6' | '@7')"
    );
    assert_eq!(Wanted::of(" ?! "), None);
}
