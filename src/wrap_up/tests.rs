//! What a configuration may say, row by row.

use super::*;

fn code(code: &str) -> Code {
    Code { code: code.to_owned(), label: code.to_owned() }
}

#[test]
fn what_a_configuration_may_say_row_by_row() {
    let base = || Configuration::new("desk", 0);
    let limit = Some(Duration::from_secs(900));
    let coded = |codes: &[&str], default: Option<&str>| Configuration {
        codes: codes.iter().map(|one| code(one)).collect(),
        default_code: default.map(str::to_owned),
        ..base()
    };
    for (configuration, limit, expected) in [
        (base(), limit, Ok(())),
        (Configuration { id: "Desk".to_owned(), ..base() }, limit, Err(ConfigurationError::Id)),
        (Configuration { duration_seconds: 0, ..base() }, limit, Err(ConfigurationError::Duration)),
        (Configuration { duration_seconds: 3600, ..base() }, limit, Ok(())),
        (Configuration { duration_seconds: 899, enforced: true, ..base() }, limit, Ok(())),
        (
            Configuration { duration_seconds: 900, enforced: true, ..base() },
            limit,
            Err(ConfigurationError::BeyondLimit(900)),
        ),
        (Configuration { duration_seconds: 3600, enforced: true, ..base() }, None, Ok(())),
        (coded(&["refund", "repair"], Some("repair")), limit, Ok(())),
        (coded(&["refund"], Some("repair")), limit, Err(ConfigurationError::DefaultCode)),
        (coded(&["refund", "refund"], None), limit, Err(ConfigurationError::Codes)),
        (coded(&["A refund"], None), limit, Err(ConfigurationError::Codes)),
    ] {
        assert_eq!(configuration.check(limit), expected, "{configuration:?}");
    }
}

#[test]
fn an_interrupted_wrap_up_goes_on_with_what_was_left_of_it() {
    let enforced = Configuration { enforced: true, ..Configuration::new("desk", 0) };
    assert_eq!(enforced.ends_at(0, 1_000), Some(61_000));
    assert_eq!(enforced.ends_at(45_000, 1_000), Some(16_000));
    assert_eq!(enforced.ends_at(90_000, 1_000), Some(1_000));
    assert_eq!(Configuration::new("desk", 0).ends_at(0, 1_000), None);
}

#[test]
fn the_default_code_is_recorded_where_nobody_chose() {
    let configuration = Configuration {
        codes: vec![code("refund"), code("other")],
        default_code: Some("other".to_owned()),
        ..Configuration::new("desk", 0)
    };
    assert_eq!(configuration.recorded(&Json(Vec::new())).0, ["other"]);
    assert_eq!(configuration.recorded(&Json(vec!["refund".to_owned()])).0, ["refund"]);
}
