//! What is kept of an address: where it leads here, and no secret.
//!
//! The path of `http.public_url` is not kept: what is stored is joined to the public address once
//! more when it is replayed.

use crate::channels::Channel;

const WEBHOOKS: &str = "/webhooks/";

/// How much is kept of a refused request's path.
const REFUSED_CHARS: usize = 2048;

/// Path and query of an address, from `/webhooks/` on; all of them where it has none.
#[must_use]
pub fn own_target(url: &str) -> &str {
    from(url, |_| true)
}

/// The channel that an address of ours names: the segment after `/webhooks/`.
#[must_use]
pub fn channel_at(url: &str) -> Option<&str> {
    own_target(url).strip_prefix(WEBHOOKS).map(segment).filter(|id| !id.is_empty())
}

/// As [`own_target`] for what came for `channel`: the public address may have such a segment, too.
pub(super) fn of<'a>(url: &'a str, channel: &str) -> &'a str {
    let target = from(url, |name| name == channel);
    if target.starts_with(WEBHOOKS) { target } else { own_target(url) }
}

/// What is kept of a verified request's address: no token that some providers have behind the
/// channel, and none in its query.
pub(super) fn kept(url: &str, channel: &Channel) -> String {
    let target = of(url, &channel.id);
    let verifier = channel.adapter.verifier;
    let secret = verifier.secret_parameter(&channel.account);
    if !verifier.secret_in_address() && secret.is_none() {
        return target.replace('\0', "");
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path =
        if verifier.secret_in_address() { address(&channel.id) } else { path.replace('\0', "") };
    let is_secret = |pair: &&str| secret.is_some_and(|secret| name_of(pair) == secret);
    let kept: Vec<_> = query.split('&').filter(|pair| !is_secret(pair)).collect();
    let query = kept.join("&").replace('\0', "");
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

/// What is kept of a refused request's address. A failed handshake has a token in its query, and
/// without a channel what follows `/webhooks/{channel}` may be a token that only missed it.
pub(super) fn refused(url: &str, name: &str, channel: Option<&Channel>) -> String {
    match channel {
        Some(channel) if !channel.adapter.verifier.secret_in_address() => {
            bounded(of(url, name).split('?').next().unwrap_or_default())
        }
        Some(_) | None => address(name),
    }
}

/// The address of a channel. What was called may have an encoded slash, and a token behind it.
fn address(name: &str) -> String {
    bounded(&format!("{WEBHOOKS}{}", segment(name)))
}

/// Path and query of an address, from the first `/webhooks/` on that stands before a fitting name.
fn from(url: &str, fits: impl Fn(&str) -> bool) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let target = rest.find('/').map_or("/", |slash| &rest[slash..]);
    let path = target.split('?').next().unwrap_or_default();
    let mut slashes = path.match_indices('/').map(|(at, _)| at);
    let is_it = |at: &usize| path[*at..].strip_prefix(WEBHOOKS).is_some_and(|it| fits(segment(it)));
    slashes.find(is_it).map_or(target, |at| &target[at..])
}

fn segment(path: &str) -> &str {
    path.split(['/', '?']).next().unwrap_or_default()
}

fn bounded(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(REFUSED_CHARS).collect()
}

/// The decoded name of a query's parameter.
fn name_of(pair: &str) -> String {
    let mut pairs = form_urlencoded::parse(pair.as_bytes());
    pairs.next().map_or_else(String::new, |(name, _)| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_public_address_is_left_out() {
        for (url, channel, target) in [
            ("https://desk.example/webhooks/sms", "sms", "/webhooks/sms"),
            (
                "https://desk.example/gw/webhooks/sms/?a=/webhooks/b",
                "sms",
                "/webhooks/sms/?a=/webhooks/b",
            ),
            ("/gw/webhooks/sms?a=1", "sms", "/webhooks/sms?a=1"),
            ("https://desk.example/webhooks/webhooks/sms", "sms", "/webhooks/sms"),
            ("https://desk.example/webhooks/webhooks", "webhooks", "/webhooks/webhooks"),
            ("https://desk.example/gw/webhooks/s%6ds/x", "sms", "/webhooks/s%6ds/x"),
            ("https://desk.example/elsewhere?a=/webhooks/sms", "sms", "/elsewhere?a=/webhooks/sms"),
            ("https://desk.example", "sms", "/"),
        ] {
            assert_eq!(of(url, channel), target, "{url}");
        }
        for (url, channel) in [
            ("https://desk.example/gw/webhooks/sms/x?a=1", Some("sms")),
            ("/webhooks/sms?a=1", Some("sms")),
            ("/webhooks/", None),
            ("/v1/channels?a=/webhooks/sms", None),
        ] {
            assert_eq!(channel_at(url), channel, "{url}");
        }
        // Not even an encoded slash lets a token through.
        assert_eq!(refused("https://desk.example/webhooks/a%2Fb", "a/b", None), "/webhooks/a");
    }
}
