//! What sinks are told, for the document: one webhook per type of event.

use utoipa::openapi::{
    Paths, PathsBuilder, Required, ResponseBuilder,
    content::ContentBuilder,
    path::{HttpMethod, OperationBuilder, PathItem},
    request_body::RequestBodyBuilder,
    schema::Ref,
};

/// When each type of event is told, and what its `data` has.
const EVENTS: [(&str, &str, &str); 10] = [
    (
        "interaction.opened",
        "A message, or somebody, opened an interaction.",
        "`interaction`, `profile`; `message` if one did",
    ),
    (
        "interaction.continued",
        "A message continued an open interaction.",
        "`interaction`, `profile`, `message`",
    ),
    (
        "interaction.changed",
        "An interaction moved, or somebody edited it.",
        "`interaction`, `profile`",
    ),
    ("interaction.closed", "An interaction closed.", "`interaction`, `profile`"),
    (
        "work_item.queued",
        "An interaction waits in a queue.",
        "`work_item`, `interaction`, `profile`",
    ),
    (
        "work_item.accepted",
        "An agent took an interaction.",
        "`work_item`, `interaction`, `profile`",
    ),
    ("message.received", "Somebody said something.", "`message`, `interaction`, `profile`"),
    (
        "message.status",
        "Something became of a message of ours.",
        "`event`; `message`, `interaction`, `profile` where they are known",
    ),
    ("profile.created", "A sender wrote for the first time.", "`profile`"),
    (
        "consent.changed",
        "A sender opted out or in.",
        "`consent`, `profile`; `message` or `event` if one said it",
    ),
];

/// The webhooks of the document.
pub(super) fn webhooks() -> Paths {
    let mut paths = PathsBuilder::new();
    for (event, when, data) in EVENTS {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Event"))).build();
        let body = RequestBodyBuilder::new()
            .description(Some(format!("The event; `data` has {data}.")))
            .content("application/json", content)
            .required(Some(Required::True))
            .build();
        let accepted = ResponseBuilder::new().description("Any 2xx within 15 seconds: accepted.");
        let gone = ResponseBuilder::new().description("The sink is switched off.");
        let operation = OperationBuilder::new()
            .tag("sinks")
            .summary(Some(when))
            .description(Some(
                "Signed as Standard Webhooks say: `webhook-id`, `webhook-timestamp`, \
                 `webhook-signature`. Told again until it is accepted, for three days.",
            ))
            .request_body(Some(body))
            .response("2XX", accepted.build())
            .response("410", gone.build());
        paths = paths.path(event, PathItem::new(HttpMethod::Post, operation));
    }
    paths.build()
}

#[cfg(test)]
mod tests {
    use super::EVENTS;
    use crate::outbox::TYPES;

    #[test]
    fn every_type_is_described_here_and_in_the_guide() {
        assert_eq!(EVENTS.map(|(event, ..)| event), TYPES);
        let guide = include_str!("../../docs/hand-off.md");
        for event in TYPES {
            assert!(guide.contains(&format!("\n| `{event}` |")), "{event}");
        }
    }
}
