//! What a fixture's author expects of the gateway, against what it did.

use frontdesk_adapters::{Account, Adapter, Handshake, Method, Refusal, Request, Timestamp};
use serde_json::{Value, json};

use crate::{
    cli::http::Heard,
    messages::{EventRecord, Message, RequestOutcome, RequestRecord},
};

/// One request's expectation and everything that came out otherwise.
#[derive(Debug)]
pub(super) struct Verdict {
    answer: Expected,
    /// `None` for a handshake, which is answered and not archived.
    pub outcome: Option<RequestOutcome>,
    /// The kinds of everything that is to be recorded, sorted.
    kinds: Vec<String>,
    pub differences: Vec<String>,
}

#[derive(Debug)]
struct Expected {
    status: u64,
    content_type: Option<String>,
    body: Option<String>,
}

impl Verdict {
    /// Reads a fixture's `expected.json`.
    pub fn expect(
        adapter: &Adapter,
        account: &Account,
        request: &Request,
        expected: &Value,
        now: Timestamp,
    ) -> Self {
        let is_handshake = match adapter.handshake {
            Handshake::Answer(handshake) => handshake(request, account).is_some(),
            Handshake::None => false,
        };
        // A proof of its own was made when the fixture was recorded, long before now; a handshake has
        // one that does not age.
        let refusal = adapter.verifier.verify(request, account, now).err();
        let is_past = !is_handshake && matches!(refusal, Some(Refusal::Stale { .. }));
        match (expected["refused"].as_str(), is_past) {
            (Some(word), false) => return Self::refused(request.method, Some(word)),
            (None, true) => return Self::refused(request.method, Some("stale")),
            // Which of two reasons is found first is the scheme's own business.
            (Some(_), true) => return Self::refused(request.method, None),
            (None, false) => {}
        }
        let answer = &expected["answer"];
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        let answer = Expected {
            status: answer["status"].as_u64().unwrap_or_default(),
            content_type: text("content_type"),
            body: text("body"),
        };
        let outcome = match (is_handshake, expected.get("malformed")) {
            (true, _) => None,
            (false, Some(_)) => Some(RequestOutcome::Malformed),
            (false, None) => Some(RequestOutcome::Accepted),
        };
        let events = expected["events"].as_array().into_iter().flatten();
        let recorded =
            events.filter(|event| event["kind"] != "typing" && event.get("problems").is_none());
        let mut kinds: Vec<_> =
            recorded.filter_map(|event| event["kind"].as_str()).map(str::to_owned).collect();
        kinds.sort_unstable();
        Self { answer, outcome, kinds, differences: Vec::new() }
    }

    fn refused(method: Method, word: Option<&str>) -> Self {
        let status = match (word, method) {
            (Some("malformed"), _) => 400,
            (_, Method::Get | Method::Options) => 403,
            (_, Method::Post | Method::Put) => 401,
        };
        let answer = Expected {
            status,
            content_type: Some("application/problem+json".to_owned()),
            body: Some(json!({"status": status, "code": word, "detail": null}).to_string()),
        };
        let outcome = Some(RequestOutcome::Refused);
        Self { answer, outcome, kinds: Vec::new(), differences: Vec::new() }
    }

    /// Compares the answer.
    pub fn hear(&mut self, heard: &Heard) {
        let Expected { status, content_type, body } = &self.answer;
        if u64::from(heard.status) != *status {
            self.differences.push(format!("status {}, not {status}", heard.status));
        }
        if heard.content_type != *content_type {
            let named = |word: &Option<String>| word.clone().unwrap_or_else(|| "none".to_owned());
            let (got, wanted) = (named(&heard.content_type), named(content_type));
            self.differences.push(format!("content type {got}, not {wanted}"));
        }
        let body = body.as_deref().unwrap_or_default();
        let same = heard.body == body
            || match (serde_json::from_str(body), serde_json::from_str(&heard.body)) {
                (Ok(wanted), Ok(got)) => alike(&wanted, &got),
                (_, _) => false,
            };
        if !same {
            self.differences.push(format!("body {:?}, not {body:?}", heard.body));
        }
    }

    /// Compares what is stored.
    pub fn look_up<'a>(
        &mut self,
        request: Option<&RequestRecord>,
        messages: impl Iterator<Item = &'a Message>,
        events: impl Iterator<Item = &'a EventRecord>,
    ) {
        let wanted = self.outcome.map_or("not archived", RequestOutcome::as_str);
        let got = request.map_or("not archived", |request| request.outcome.as_str());
        if got != wanted {
            self.differences.push(format!("outcome {got}, not {wanted}"));
        }
        let said = messages.map(|message| message.kind.clone());
        let mut kinds: Vec<_> = said.chain(events.map(|event| event.kind.clone())).collect();
        kinds.sort_unstable();
        if kinds != self.kinds {
            let list = |kinds: &[String]| format!("[{}]", kinds.join(", "));
            let (got, wanted) = (list(&kinds), list(&self.kinds));
            self.differences.push(format!("recorded {got}, not {wanted}"));
        }
    }
}

/// Whether two JSON values agree; what is `null` in an expectation is ours to choose, such as an id.
fn alike(wanted: &Value, got: &Value) -> bool {
    match (wanted, got) {
        (Value::Null, Value::Null | Value::String(_)) => true,
        (Value::Array(wanted), Value::Array(got)) => {
            wanted.len() == got.len() && wanted.iter().zip(got).all(|(a, b)| alike(a, b))
        }
        (Value::Object(wanted), Value::Object(got)) => {
            wanted.len() == got.len()
                && wanted.iter().all(|(key, a)| got.get(key).is_some_and(|b| alike(a, b)))
        }
        (_, _) => wanted == got,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_expected_null_takes_any_text_and_nothing_else() {
        let wanted = json!({"status": "accepted", "id": null});
        assert!(alike(&wanted, &json!({"status": "accepted", "id": "0198"})));
        assert!(!alike(&wanted, &json!({"status": "duplicate", "id": "0198"})));
        assert!(!alike(&wanted, &json!({"status": "accepted", "id": 7})));
        assert!(!alike(&wanted, &json!({"status": "accepted"})));
        assert!(!alike(&json!([1]), &json!([1, 2])));
    }
}
