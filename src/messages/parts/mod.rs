//! Longer texts that arrive in parts, in any order.
//!
//! Parts belong together by channel, sender, recipient, reference and total. A reference is one of a
//! few hundred and is used again: what is old, or has other words in the same place, is another
//! message. The rules are plain functions over what is there.

mod store;
#[cfg(test)]
mod tests;

use frontdesk_adapters::Message;
use serde_json::json;
pub use store::{
    Group, NewPart, Piece, add, close, complete, deliver, due, forget, lock, open, pieces,
};

/// How long a reference means the same message, in milliseconds from its first part.
pub const REFERENCE_MILLIS: i64 = 60 * 60 * 1000;

/// What a part is to those that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// One that was missing.
    Missing,
    /// One that is there, sent once more.
    Known,
    /// One of another message, under a reference used again.
    Another,
}

/// Decides what a part is to the `pieces` of a group whose first arrived at `first_at`.
#[must_use]
pub fn fit(first_at: i64, pieces: &[Piece], place: i32, text: Option<&str>, now: i64) -> Fit {
    if now.saturating_sub(first_at) > REFERENCE_MILLIS {
        return Fit::Another;
    }
    match pieces.iter().find(|piece| piece.place == place) {
        None => Fit::Missing,
        Some(piece) if piece.message.0.text.as_deref() == text => Fit::Known,
        Some(_) => Fit::Another,
    }
}

/// One message of its parts, which are sorted. It is the first part's, with all words; while some
/// are missing, an ellipsis stands for them and the metadata's `parts` says which.
#[must_use]
pub fn join(pieces: &[Piece], total: i32) -> Option<Message> {
    let mut whole = pieces.first()?.message.0.clone();
    let (mut text, mut attachments, mut missing) = (String::new(), Vec::new(), Vec::new());
    let mut pieces = pieces.iter().peekable();
    for place in 1..=total {
        match pieces.next_if(|piece| piece.place == place) {
            Some(piece) => {
                text.push_str(piece.message.0.text.as_deref().unwrap_or_default());
                attachments.extend(piece.message.0.attachments.iter().cloned());
            }
            None => {
                if missing.last() != Some(&(place - 1)) {
                    text.push('…');
                }
                missing.push(place);
            }
        }
    }
    whole.text = Some(text).filter(|text| !text.is_empty());
    whole.attachments = attachments;
    whole.part = None;
    if !missing.is_empty() {
        let parts = json!({"total": total, "missing": missing});
        whole.metadata.get_or_insert_default().insert("parts".to_owned(), parts);
    }
    Some(whole)
}
