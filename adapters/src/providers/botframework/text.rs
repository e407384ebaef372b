//! What an activity says, without the markup of mentions.

use std::{borrow::Cow, collections::HashSet};

use crate::{event, json::Json};

/// The text, without the bot's own mention; other mentions are their names.
pub(super) fn of(activity: Json<'_>) -> Option<String> {
    let raw = activity.at("text").str()?;
    let bot = activity.at("recipient").text("id");
    let mentions = activity.at("entities").items();
    let mentions = mentions.filter(|entity| entity.at("type").str() == Some("mention"));
    let own: HashSet<&str> = mentions
        .filter(|mention| bot.is_some() && mention.at("mentioned").text("id") == bot)
        .filter_map(|mention| mention.at("text").str())
        .collect();
    let text = without_mentions(raw, &own);
    let text = match activity.at("textFormat").str() {
        Some("xml") => decoded(&text),
        Some(_) | None => text.into(),
    };
    event::text(text.trim())
}

/// Longer than any mention; what is longer is none. It also bounds how often text is looked through.
const MAX_MENTION_BYTES: usize = 512;

/// One pass: `<at>name</at>` is nothing if it is among `own`, else the name.
fn without_mentions(raw: &str, own: &HashSet<&str>) -> String {
    const START: &str = "<at";
    const END: &str = "</at>";
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(start) = rest.find(START) {
        let (before, mention) = rest.split_at(start);
        text.push_str(before);
        let near = &mention[..mention.floor_char_boundary(MAX_MENTION_BYTES)];
        // Quickest first: most of what looks like a mention has no tag that ends nearby.
        let parts = near.split_once('>').and_then(|(tag, rest)| {
            let is_tag = tag == START || tag.starts_with("<at ");
            let name = &rest[..rest.find(END).filter(|_| is_tag)?];
            Some((&near[..tag.len() + 1 + name.len() + END.len()], name))
        });
        let passed = match parts {
            Some((whole, name)) => {
                text.push_str(if own.contains(whole) { "" } else { name });
                whole.len()
            }
            None => {
                text.push_str(START);
                START.len()
            }
        };
        rest = &mention[passed..];
    }
    text.push_str(rest);
    text
}

fn decoded(text: &str) -> Cow<'_, str> {
    const ENTITIES: [(&str, &str); 6] = [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    if !text.contains('&') {
        return text.into();
    }
    ENTITIES.iter().fold(text.to_owned(), |text, (entity, c)| text.replace(entity, c)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_are_names_and_the_bots_own_is_nothing() {
        let own = HashSet::from(["<at>Support</at>", "<at id=\"0\">Support</at>"]);
        let cases = [
            ("<at>Support</at> my VPN", " my VPN"),
            ("<at id=\"0\">Support</at>hi <at>Jon Ek</at>!", "hi Jon Ek!"),
            ("a <attic> b", "a <attic> b"),
            ("<attic> <at>Jon</at>", "<attic> Jon"),
            ("<at>never closed", "<at>never closed"),
            ("plain", "plain"),
        ];
        for (raw, expected) in cases {
            assert_eq!(without_mentions(raw, &own), expected, "{raw}");
        }
    }

    #[test]
    fn entities_are_decoded_once() {
        assert_eq!(decoded("&amp;lt; &lt;b&gt; &#39;x&#39;"), "&lt; <b> 'x'");
    }
}
