//! What whole requests on file cannot show well; see `fixtures/twilio` for the rest.

use form_urlencoded::parse;

use super::*;
use crate::{Address, AttachmentKind, Timestamp};

fn events(form: &str) -> Vec<Event> {
    from_pairs(|| parse(form.as_bytes()))
}

fn message(form: &str) -> Message {
    match events(form).pop() {
        Some(Event::Message(message)) => message,
        event => panic!("{form} is no message but {event:?}"),
    }
}

#[test]
fn repeats_share_a_key_and_different_events_do_not() {
    let cases: &[(&str, &[&str])] = &[
        ("MessageSid=SM1&Body=Hi", &["message:SM1"]),
        ("MessageSid=SM1&Body=Stop&OptOutType=STOP", &["message:SM1"]),
        ("MessageSid=SM1&MessageStatus=queued", &["status:SM1:queued:"]),
        ("MessageSid=SM1&MessageStatus=accepted", &["status:SM1:accepted:"]),
        ("MessageSid=SM1&MessageStatus=canceled", &["status:SM1:canceled:"]),
        (
            "MessageSid=SM1&MessageStatus=failed&ErrorCode=21610&To=%2B15550100002",
            &["status:SM1:failed:+15550100002", "opt_out:SM1"],
        ),
        ("MessageSid=SM1&MessageStatus=partially_delivered", &["other:SM1:partially_delivered"]),
    ];
    for (form, keys) in cases {
        let found: Vec<_> = events(form).iter().filter_map(Event::dedupe_key).collect();
        assert_eq!(&found, keys, "{form}");
    }
}

#[test]
fn messages_statuses_and_the_rest_are_told_apart() {
    let cases = [
        ("MessageSid=SM1", "message"),
        ("MessageSid=SM1&SmsStatus=received", "message"),
        ("MessageSid=SM1&SmsStatus=receiving&Body=", "message"),
        ("MessageSid=SM1&SmsStatus=sent&Body=", "message"),
        ("MessageSid=SM1&SmsStatus=sent", "status"),
        ("MessageSid=SM1&MessageStatus=sent&Body=Hi", "status"),
        ("MessageSid=SM1&MessageStatus=received&Body=Hi", "message"),
        ("MessageSid=SM1&MessageStatus=received&MediaUrl0=u", "message"),
        ("MessageSid=SM1&MessageStatus=received", "other"),
        ("MessageSid=SM1&MessageStatus=&Body=Hi", "message"),
        ("MessageSid=SM1&Body=Hi&ErrorCode=11200&ErrorUrl=u", "message"),
        ("From=%2B15550100002&Body=No+id", "message"),
        ("MessageStatus=sent", "other"),
        ("From=%2B15550100002&CallSid=CA1", "other"),
        ("MessageSid=IM1&ConversationSid=CH1&Body=Hi", "other"),
        ("", "other"),
        ("&&=&%", "other"),
        ("%FF=%00", "other"),
    ];
    for (form, kind) in cases {
        let kinds: Vec<_> = events(form).iter().map(Event::kind).collect();
        assert_eq!(kinds, [kind], "{form}");
    }
}

#[test]
fn senders_have_every_address_once() {
    let phone = Address::international("15550100002");
    let user = |id| Some(Address::scoped_user(id, "whatsapp"));
    let from = "MessageSid=SM1&From=whatsapp:%2B15550100002";
    let cases = [
        (format!("{from}&WaId=15550100002"), vec![phone.clone()]),
        (format!("{from}&WaId="), vec![phone.clone()]),
        (format!("{from}&ExternalUserId=US.1"), vec![phone.clone(), user("US.1")]),
        (
            "MessageSid=SM1&From=whatsapp:&WaId=15550100002&ExternalUserId=whatsapp:US.1"
                .to_owned(),
            vec![phone.clone(), user("US.1")],
        ),
        ("MessageSid=SM1&From=whatsapp:15550100002".to_owned(), vec![phone]),
        ("MessageSid=SM1&From=+".to_owned(), vec![]),
    ];
    for (form, expected) in cases {
        let found: Vec<_> = message(&form)
            .sender
            .into_iter()
            .flat_map(|sender| [vec![sender.address], sender.alternates].concat())
            .map(Some)
            .collect();
        assert_eq!(found, expected, "{form}");
    }
}

#[test]
fn only_numbered_media_become_attachments() {
    let found = |form: &str| {
        let attachments = message(&format!("MessageSid=MM1&{form}")).attachments;
        attachments.into_iter().map(|part| (part.kind, part.url)).collect::<Vec<_>>()
    };
    let file = |url: &str| (AttachmentKind::File, Some(url.to_owned()));
    assert_eq!(found("MediaUrl9=b&MediaUrl2=a&MediaUrl2=c"), [file("a"), file("b")]);
    for form in [
        "NumMedia=3",
        "MediaContentType0=image/png",
        "MediaUrl0=",
        "MediaUrl=a&MediaUrl00=a&MediaUrl%2B1=a&MediaUrl-1=a&MediaUrl10=a&MediaUrlx=a",
    ] {
        assert_eq!(found(form), [], "{form}");
    }
}

#[test]
fn a_place_needs_both_degrees_or_a_name() {
    let found = |form: &str| {
        let attachments = message(&format!("MessageSid=MM1&{form}")).attachments;
        let place = attachments.into_iter().next()?;
        Some((place.latitude, place.longitude))
    };
    assert_eq!(found("Latitude=0&Longitude=-0.5"), Some((Some(0.0), Some(-0.5))));
    assert_eq!(found("Label=Home"), Some((None, None)));
    assert_eq!(found("Address=Home&Latitude=NaN&Longitude=inf"), Some((None, None)));
    assert_eq!(found("Latitude=12&Longitude=east"), None);
}

#[test]
fn text_never_carries_a_nul() {
    let message = message("MessageSid=SM%001&Body=a%00b&From=x%00&ReferralBody=%00");
    assert_eq!(message.id.as_deref(), Some("SM\u{fffd}1"));
    assert_eq!(message.text.as_deref(), Some("a\u{fffd}b"));
    let shown = serde_json::to_string(&message).expect("JSON");
    assert!(!shown.contains("\\u0000"), "{shown}");
}

#[test]
fn nothing_is_ever_answered_that_would_reach_the_customer() {
    let malformed = Malformed("unreadable".to_owned());
    let parsed = Parsed::default();
    let account = Account::default();
    for recorded in [
        Recorded::NotUnderstood(&malformed, &account),
        Recorded::Understood(&parsed, &[], &account),
    ] {
        let answer = acknowledge(recorded);
        assert_eq!((answer.status, answer.content_type.as_deref()), (200, Some("text/xml")));
        assert!(answer.body.is_some_and(|body| body == "<Response/>"));
    }
}

#[test]
fn an_address_may_be_signed_with_or_without_its_port() {
    let cases = [
        ("https://desk.example/x", "https://desk.example/x#rc=3", true),
        ("https://desk.example:443/x", "https://desk.example/x", true),
        ("http://desk.example:80/x", "http://desk.example/x", true),
        ("https://desk.example/x", "https://desk.example:8443/x", true),
        ("https://a:b@desk.example/x", "https://a:b@desk.example:8443/x", true),
        ("https://a:b@desk.example:443/x", "https://a:b@desk.example/x", true),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]:8443/x", true),
        ("https://[2001:db8::1]:443/x", "https://[2001:db8::1]/x", true),
        ("https://desk.example:443?at=12:30", "https://desk.example?at=12:30", true),
        ("https://desk.example/x?it=%27s", "https://desk.example/x?it='s", true),
        ("https://desk.example:443/x?it=%27s", "https://desk.example/x?it='s", true),
        ("https://desk.example:8443/x", "https://desk.example/x", false),
        ("https://desk.example:80/x", "https://desk.example/x", false),
        ("https://desk.example/x", "https://desk.example/y", false),
        ("https://desk.example/x", "https://desk.example/x/", false),
    ];
    let account = serde_json::json!({ "auth_token": "token" });
    let account = Account::read(&ADAPTER, &account).expect("an account");
    let now = Timestamp::from_seconds(0).expect("the epoch");
    for (signed_as, received_as, accepted) in cases {
        let mut request = Request::new(Method::Get, signed_as, Vec::new(), Vec::new());
        let signed = ADAPTER.verifier.sign(&mut request, &account, now);
        signed.expect("a signed request");
        request.url = received_as.to_owned();
        let verified = request.verify(ADAPTER.verifier, &account, now).is_ok();
        assert_eq!(verified, accepted, "{signed_as} as {received_as}");
    }
}
