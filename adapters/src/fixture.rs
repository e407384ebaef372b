//! Requests on file: one HTTP request as on the wire.
//!
//! `POST /path HTTP/1.1`, headers, an empty line, the body. Lines end in LF or CRLF; a final line
//! break at the end of the file belongs to the file, not to the body. Requests are signed when they
//! are used, unless the file carries its own signature.

use serde_json::Value;

use crate::{Account, AccountError, Adapter, Method, Request, Timestamp};

/// Why a file is not a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FixtureError {
    /// The first line.
    #[error("the first line must be a request line, such as `POST /webhooks/x HTTP/1.1`")]
    RequestLine,
    /// A header line.
    #[error("line {0} is not a header; write `name: value`, and an empty line before the body")]
    Header(usize),
    /// Not text.
    #[error("the head of the file is not UTF-8")]
    Encoding,
}

/// Reads a request; `public_url` stands before a path, a full address in the file wins.
pub fn read(file: &[u8], public_url: &str) -> Result<Request, FixtureError> {
    let (head, body) = split(file);
    let head = std::str::from_utf8(head).map_err(|_| FixtureError::Encoding)?;
    let mut lines = head.lines().enumerate();
    let (_, first) = lines.next().ok_or(FixtureError::RequestLine)?;
    let mut words = first.split_ascii_whitespace();
    let (Some(method), Some(target)) = (words.next().and_then(Method::parse), words.next()) else {
        return Err(FixtureError::RequestLine);
    };
    let url = if target.starts_with('/') {
        format!("{}{target}", public_url.trim_end_matches('/'))
    } else {
        target.to_owned()
    };
    let mut headers = Vec::new();
    for (index, line) in lines {
        let (name, value) = line.split_once(':').ok_or(FixtureError::Header(index + 1))?;
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(Request::new(method, url, headers, body.to_vec()))
}

/// Signs `request` as its provider would, unless it carries a signature of its own or needs none.
pub fn signed(
    mut request: Request,
    adapter: &Adapter,
    account: &Account,
    now: Timestamp,
) -> Result<Request, AccountError> {
    if !adapter.verifier.is_signed(&request) {
        adapter.verifier.sign(&mut request, account, now)?;
    }
    Ok(request)
}

/// The channels in an `account.json`: one, or a list where a provider's accounts differ.
pub fn channels(file: &Value) -> &[Value] {
    match file {
        Value::Array(channels) => channels,
        one @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)) => std::slice::from_ref(one),
    }
}

/// The channel that `/webhooks/{id}` in a request's address names, else the first.
pub fn channel<'a>(file: &'a Value, url: &str) -> &'a Value {
    let id = url.split_once("/webhooks/").map_or("", |(_, rest)| rest);
    let id = id.split(['/', '?', '#']).next().unwrap_or_default();
    let channels = channels(file);
    let named = channels.iter().find(|channel| channel["id"] == id);
    named.or(channels.first()).unwrap_or(&Value::Null)
}

fn split(file: &[u8]) -> (&[u8], &[u8]) {
    let mut start = 0;
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        let end = start + line.len();
        if line == b"\n" || line == b"\r\n" {
            let body = &file[end..];
            let body = body.strip_suffix(b"\n").unwrap_or(body);
            return (&file[..start], body.strip_suffix(b"\r").unwrap_or(body));
        }
        start = end;
    }
    (file, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_becomes_the_request_it_shows() {
        let file = b"POST /webhooks/x?a=1 HTTP/1.1\r\nContent-Type: text/plain\r\n\r\nline one\nline two\n";
        let request = read(file, "https://desk.example/").expect("a request");
        assert_eq!(request.url, "https://desk.example/webhooks/x?a=1");
        assert_eq!(request.header("content-type"), Some("text/plain"));
        assert_eq!(request.body, b"line one\nline two");
    }

    #[test]
    fn a_request_is_for_the_channel_it_names() {
        let file = serde_json::json!([{"id": "a"}, {"id": "b"}]);
        for (url, id) in [
            ("https://desk.example/webhooks/b", "b"),
            ("/webhooks/b/token?a=1", "b"),
            ("/webhooks/c", "a"),
            ("https://desk.example/", "a"),
        ] {
            assert_eq!(channel(&file, url)["id"], id, "{url}");
        }
        assert_eq!(channel(&file[1], "/webhooks/a")["id"], "b");
        assert_eq!(channel(&serde_json::json!([]), "/webhooks/a"), &Value::Null);
    }

    #[test]
    fn what_is_no_request_says_which_line() {
        assert_eq!(read(b"hello", "").map(drop), Err(FixtureError::RequestLine));
        assert_eq!(
            read(b"POST / HTTP/1.1\nbroken\n\n", "").map(drop),
            Err(FixtureError::Header(2))
        );
    }
}
