//! Finding what was said and who is called what, by the databases' own full-text engines.
//!
//! Words are made here, the same for both: case, accents and everything that is neither letter nor
//! digit are dropped, so that a search finds the same on either. Intake writes no index; [`keep_up`]
//! follows it within a second, and triggers follow what is changed or erased.

mod find;
mod store;
#[cfg(test)]
mod tests;
mod worker;

use std::ops::RangeInclusive;

pub use find::{Found, messages, named, newest_of, said_again};
pub use store::{catch_up, erase, pass_over};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
pub use worker::keep_up;

/// How much of a text is indexed, in characters: nobody searches for what stands beyond.
const LONGEST: usize = 10_000;

/// The words of a text, folded, with a space between.
fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for character in text.chars().take(LONGEST).nfkd().filter(|it| !is_combining_mark(*it)) {
        if character.is_alphanumeric() {
            words.extend(character.to_lowercase());
        } else if !words.is_empty() && !words.ends_with(' ') {
            words.push(' ');
        }
    }
    words.truncate(words.trim_end().len());
    words
}

/// What is searched for: every one of these words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted(Vec<String>);

impl Wanted {
    /// Reads what somebody typed; `None` when there is no word in it.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let words: Vec<String> = words(text).split_ascii_whitespace().map(str::to_owned).collect();
        (!words.is_empty()).then_some(Self(words))
    }

    /// In SQLite's words, the last one perhaps only begun. A word is letters and digits, so nothing
    /// in it can mean anything else.
    fn sqlite(&self, begun: bool) -> String {
        let words: Vec<String> = self.0.iter().map(|word| format!("\"{word}\"")).collect();
        format!("{}{}", words.join(" AND "), if begun { "*" } else { "" })
    }

    /// The words as they are, in a JSON list.
    fn json(&self) -> String {
        serde_json::json!(self.0).to_string()
    }

    /// In PostgreSQL's words, within some blocks of places if they are given.
    fn postgres(&self, begun: bool, blocks: Option<RangeInclusive<i64>>) -> String {
        let mut words: Vec<String> = self.0.iter().map(|word| format!("'{word}'")).collect();
        if let Some(last) = words.last_mut().filter(|_| begun) {
            last.push_str(":*");
        }
        words.extend(blocks.map(|blocks| {
            let blocks: Vec<String> = blocks.map(|block| format!("'@{block}'")).collect();
            format!("({})", blocks.join(" | "))
        }));
        words.join(" & ")
    }
}
