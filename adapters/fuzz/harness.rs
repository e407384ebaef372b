//! Any bytes, any headers, any adapter: what must hold whatever comes.
//!
//! An input is a request on file, as in `fixtures/`, behind a byte that chooses the adapter and one
//! that chooses how it is judged. So the fixtures are the corpus, and what breaks is a fixture to be.
//! Used by the fuzz target here and by `tests/fuzz.rs`, which needs no nightly compiler.

use std::{fs, path::Path, sync::OnceLock};

use frontdesk_adapters::{
    Accepted, Account, Adapter, Event, Message, Method, Outcome, Recorded, Request, Timestamp,
    Verdict, fixture, providers,
};
use serde_json::Value;

/// An adapter with its fictional channel.
pub struct Channel {
    /// The adapter.
    pub adapter: &'static Adapter,
    /// The channel's account.
    pub account: Account,
    /// When its fixtures arrive.
    pub now: Timestamp,
    /// Its requests on file.
    pub files: Vec<Vec<u8>>,
}

/// Every adapter's channels, in the registry's order.
pub fn channels() -> &'static [Channel] {
    static CHANNELS: OnceLock<Vec<Channel>> = OnceLock::new();
    CHANNELS.get_or_init(|| providers::ALL.iter().flat_map(|adapter| of(adapter)).collect())
}

fn of(adapter: &'static Adapter) -> Vec<Channel> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = if folder.ends_with("fuzz") { folder.join("..") } else { folder.to_owned() };
    let folder = folder.join("../fixtures").join(adapter.provider);
    let file = fs::read(folder.join("account.json")).expect("the fixture's account");
    let file: Value = serde_json::from_slice(&file).expect("JSON");
    let files = fs::read_dir(folder).expect("the fixtures").map(|entry| entry.expect("one").path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "http"))
        .collect();
    files.sort();
    let files: Vec<_> = files.iter().map(|path| fs::read(path).expect("a readable file")).collect();
    let channel = |channel: &Value| {
        let is_its = |bytes: &&Vec<u8>| {
            let request = fixture::read(bytes, "https://desk.example").expect("a request");
            fixture::channel(&file, &request.url)["id"] == channel["id"]
        };
        Channel {
            adapter,
            account: Account::for_channel(adapter, &channel["account"]).expect("a usable account"),
            now: channel["now"].as_str().and_then(Timestamp::parse_rfc3339).expect("a time"),
            files: files.iter().filter(is_its).cloned().collect(),
        }
    };
    let channels = fixture::channels(&file).iter().map(channel);
    channels.filter(|channel| !channel.files.is_empty()).collect()
}

/// Judges one input.
pub fn run(input: &[u8]) {
    let [adapter, how, file @ ..] = input else { return };
    let channels = channels();
    let channel = &channels[usize::from(*adapter) % channels.len()];
    let mut request = fixture::read(file, "https://desk.example").unwrap_or_else(|_| {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Request::new(Method::Post, "https://desk.example/hook", headers, file.to_vec())
    });
    // Signed anew, as it is, or believed whatever it is: most inputs would not get far otherwise.
    if how % 3 == 0 {
        let _ = channel.adapter.verifier.sign(&mut request, &channel.account, channel.now);
    }
    judge(channel, request, how % 3 != 1);
}

/// Lets the adapter judge a request and checks what must hold of it.
pub fn judge(channel: &Channel, request: Request, believes: bool) {
    let Channel { adapter, account, now, .. } = channel;
    let verifier = adapter.verifier;
    let _ = verifier.is_signed(&request);
    for address in verifier.documents(&request, account) {
        assert!(address.starts_with("https://"), "{} asks for {address}", adapter.provider);
    }
    let accepted = if believes {
        adapter.watch(request, account, *now).0
    } else {
        adapter.accept(request, account, *now)
    };
    let answer = match accepted {
        Accepted::Handshake(answer) => answer,
        Accepted::Refused(_, refusal) => {
            assert!(!refusal.to_string().is_empty() && !refusal.code().is_empty());
            return;
        }
        Accepted::NotUnderstood(_, malformed) => {
            assert!(!malformed.0.is_empty());
            (adapter.acknowledge)(Recorded::NotUnderstood(&malformed, account))
        }
        Accepted::Understood(_, parsed) => {
            parsed.events.iter().for_each(|event| holds(adapter, event));
            if let Some(address) = &parsed.confirm {
                assert!(address.starts_with("https://"), "{address}");
            }
            let outcomes =
                vec![Outcome { id: None, verdict: Verdict::Accepted }; parsed.events.len()];
            (adapter.acknowledge)(Recorded::Understood(&parsed, &outcomes, account))
        }
    };
    // The chat widget's back end, which is our own protocol, hears 400 of what it got wrong.
    assert!((200..500).contains(&answer.status), "{} answers {answer:?}", adapter.provider);
}

/// Absent is null, never an empty text; and what is kept as JSON is read as it was.
fn holds(adapter: &Adapter, event: &Event) {
    let _ = (event.dedupe_key(), event.our_address());
    let json = serde_json::to_value(event).expect("an event is JSON");
    for name in ["id", "conversation", "text", "reply_to", "target", "emoji", "payload", "type"] {
        assert_ne!(json[name], "", "{} says an empty {name}: {json}", adapter.provider);
    }
    if let Event::Message(message) = event {
        let read: Message = serde_json::from_value(json).expect("a message is read again");
        let expected = Message {
            key: None,
            content: None,
            repeats_within: None,
            problems: Vec::new(),
            ..message.clone()
        };
        assert_eq!(read, expected, "{}", adapter.provider);
    }
}
