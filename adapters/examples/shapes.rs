//! How long each adapter takes over a megabyte of the nastiest shapes: `cargo run --release -p
//! frontdesk-adapters --example shapes`. Prints the slowest of each adapter; none may take more than
//! 50 ms.

#[path = "../fuzz/harness.rs"]
#[expect(dead_code, reason = "the fuzz target uses the rest")]
mod harness;

use std::time::{Duration, Instant};

use frontdesk_adapters::{Method, Request, fixture};
use serde_json::Value;

const BYTES: usize = 1024 * 1024;
const LIMIT: Duration = Duration::from_millis(50);

fn main() {
    let mut slow = 0;
    for channel in harness::channels() {
        let mut worst = (Duration::ZERO, String::new());
        for (name, request) in shapes(channel) {
            let took = (0..3).map(|_| time(channel, request.copied())).min().unwrap_or_default();
            slow += usize::from(took > LIMIT);
            if took > LIMIT {
                println!("  {} takes {took:.1?} over {name}", channel.adapter.provider);
            }
            if took > worst.0 {
                worst = (took, name);
            }
        }
        println!("{:<16} {:>8.1?}  {}", channel.adapter.provider, worst.0, worst.1);
    }
    println!("{slow} beyond {LIMIT:?}");
    std::process::exit(i32::from(slow > 0));
}

#[expect(clippy::disallowed_methods, reason = "this is what it measures")]
fn time(channel: &harness::Channel, request: Request) -> Duration {
    let began = Instant::now();
    std::hint::black_box(channel.adapter.watch(request, &channel.account, channel.now));
    began.elapsed()
}

fn shapes(channel: &harness::Channel) -> Vec<(String, Request)> {
    let repeat = |piece: &str| piece.repeat(BYTES / piece.len());
    let between = |start: &str, piece: &str, end: &str| format!("{start}{}{end}", repeat(piece));
    let keys: String = (0..BYTES / 12).map(|n| format!("\"k{n}\":0,")).collect();
    let halves: String = (0..BYTES / 20).map(|n| format!("\"k{n}\":\"\\ud83d\",")).collect();
    let pairs: String = (0..BYTES / 10).map(|n| format!("k{n}={n}&")).collect();
    let json = [
        ("deep lists", repeat("[")),
        ("deep objects", repeat("{\"a\":")),
        ("closed deep lists", format!("{}{}", "[".repeat(BYTES / 2), "]".repeat(BYTES / 2))),
        ("many keys", format!("{{{keys}\"z\":0}}")),
        ("many unreadable members", format!("{{{halves}\"z\":0}}")),
        ("many numbers", between("[", "0,", "0]")),
        ("many empty objects", between("[", "{},", "{}]")),
        ("one key again and again", between("{", "\"a\":{},", "\"z\":0}")),
        ("a long text", between("{\"text\":\"", "x", "\"}")),
        ("a text of escapes", between("{\"text\":\"", "\\u00e9", "\"}")),
        ("a text of markup", between("{\"type\":\"message\",\"text\":\"", "<at ", "</at>\"}")),
        ("a long number", repeat("9")),
        ("nothing but spaces", repeat(" ")),
    ];
    let form = [
        ("many parameters", pairs.clone()),
        ("one parameter again and again", repeat("text=a&")),
        ("encoded bytes", repeat("%F0%9F%91%8B")),
        ("ampersands", repeat("&")),
    ];
    let mut shapes = Vec::new();
    for (kind, bodies) in
        [("application/json", &json[..]), ("application/x-www-form-urlencoded", &form)]
    {
        for (name, body) in bodies {
            let headers = vec![("content-type".to_owned(), kind.to_owned())];
            shapes.push(((*name).to_owned(), request(channel, "", headers, body.clone())));
        }
    }
    let many = (0..20_000).map(|n| (format!("x-h{n}"), "v".repeat(40))).collect();
    shapes.push(("many headers".to_owned(), request(channel, "", many, "{}".to_owned())));
    let long = vec![("authorization".to_owned(), repeat("Bearer a.b.c"))];
    shapes.push(("a long header".to_owned(), request(channel, "", long, "{}".to_owned())));
    shapes.push(("a long query".to_owned(), request(channel, &pairs, Vec::new(), String::new())));
    for (place, file) in channel.files.iter().enumerate() {
        let own = fixture::read(file, "https://desk.example").expect("a request");
        grown(channel, place, own, &mut shapes);
    }
    shapes
}

fn request(
    channel: &harness::Channel,
    query: &str,
    headers: Vec<(String, String)>,
    body: String,
) -> Request {
    let url = format!("https://desk.example/hook?{query}");
    let method = if body.is_empty() { Method::Get } else { Method::Post };
    let mut request = Request::new(method, url, headers, body.into_bytes());
    if request.body.len() < BYTES / 2 {
        let _ = channel.adapter.verifier.sign(&mut request, &channel.account, channel.now);
    }
    request
}

/// A fixture whose lists are repeated, and one whose texts are, to a megabyte each.
fn grown(
    channel: &harness::Channel,
    place: usize,
    own: Request,
    shapes: &mut Vec<(String, Request)>,
) {
    let remade = |body: Vec<u8>| {
        let mut request = Request::new(own.method, own.url.clone(), own.headers.clone(), body);
        let _ = channel.adapter.verifier.sign(&mut request, &channel.account, channel.now);
        request
    };
    if let Ok(body) = serde_json::from_slice::<Value>(&own.body) {
        for path in paths(&body) {
            let mut grown = body.clone();
            let Some(value) = grown.pointer_mut(&path) else { continue };
            match value {
                Value::Array(items) if !items.is_empty() => {
                    let one = Value::from(items.clone()).to_string().len();
                    *items =
                        items.iter().cloned().cycle().take(BYTES / one * items.len()).collect();
                }
                Value::String(text) if !text.is_empty() => {
                    *text = text.repeat(BYTES / text.len());
                }
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Object(_)
                | Value::Array(_)
                | Value::String(_) => continue,
            }
            let name = format!("{path} of file {place} grown");
            shapes.push((name, remade(grown.to_string().into_bytes())));
        }
    } else if let Some(text) = std::str::from_utf8(&own.body).ok().filter(|text| !text.is_empty()) {
        for (nth, pair) in text.split('&').enumerate() {
            let grown = pair.repeat(BYTES / pair.len().max(1));
            let mut pairs: Vec<_> = text.split('&').collect();
            pairs[nth] = &grown;
            let name = format!("parameter {nth} of file {place} grown");
            shapes.push((name, remade(pairs.join("&").into_bytes())));
        }
    }
}

/// The paths of a value's lists and texts.
fn paths(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let below = |name: &str, value: &Value| {
        let name = name.replace('~', "~0").replace('/', "~1");
        paths(value).into_iter().map(move |path| format!("/{name}{path}")).collect::<Vec<_>>()
    };
    match value {
        Value::Object(members) => {
            found.extend(members.iter().flat_map(|(name, value)| below(name, value)));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            found.extend(items.flat_map(|(place, item)| below(&place.to_string(), item)));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}
