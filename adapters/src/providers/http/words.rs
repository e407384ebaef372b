//! What the words of statuses mean.

use crate::DeliveryStatus;

/// The account's own words: pairs of a word and what it means to us; `other` moves nothing.
#[derive(Debug, Default)]
pub(super) struct Words(Vec<(String, Option<DeliveryStatus>)>);

impl Words {
    /// Reads `DELIVRD=delivered, REJECTD=rejected`, separated by commas or line breaks.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pairs = text.split([',', '\n']).map(str::trim).filter(|pair| !pair.is_empty());
        let read = |pair: &str| {
            let (word, meaning) = pair
                .rsplit_once('=')
                .ok_or_else(|| format!("`{pair}` is no pair such as DELIVRD=delivered"))?;
            let meaning = meaning.trim();
            let status = ours(meaning);
            if status.is_none() && meaning != "other" {
                return Err(format!(
                    "`{meaning}` is no status; use queued, sent, delivered, undelivered, failed, \
                     rejected, expired, read, or other"
                ));
            }
            Ok((word.trim().to_lowercase(), status))
        };
        pairs.map(read).collect::<Result<_, _>>().map(Self)
    }

    pub fn meaning(&self, word: &str) -> Option<DeliveryStatus> {
        let word = word.to_lowercase();
        let mapped = self.0.iter().find(|(mapped, _)| *mapped == word);
        mapped.map_or_else(|| usual(&word), |(_, status)| *status)
    }
}

fn ours(word: &str) -> Option<DeliveryStatus> {
    Some(match word {
        "queued" => DeliveryStatus::Queued,
        "sent" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "undelivered" => DeliveryStatus::Undelivered,
        "failed" => DeliveryStatus::Failed,
        "rejected" => DeliveryStatus::Rejected,
        "expired" => DeliveryStatus::Expired,
        "read" => DeliveryStatus::Read,
        _ => return None,
    })
}

/// Our own words, those of SMPP, and what most aggregators make of them.
fn usual(word: &str) -> Option<DeliveryStatus> {
    ours(word).or_else(|| {
        Some(match word {
            "accepted" | "scheduled" | "buffered" | "pending" => DeliveryStatus::Queued,
            "acceptd" | "enroute" | "submitted" | "esme_rok" => DeliveryStatus::Sent,
            "delivrd" => DeliveryStatus::Delivered,
            "undeliv" | "undeliverable" | "deleted" => DeliveryStatus::Undelivered,
            "error" => DeliveryStatus::Failed,
            "rejectd" => DeliveryStatus::Rejected,
            "seen" => DeliveryStatus::Read,
            _ => return None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_what_the_account_says_and_else_the_usual() {
        let words = Words::parse("Delivered to handset = delivered,0=sent\nSENT=other,\n a=b=read");
        let words = words.expect("a map");
        for (word, status) in [
            ("delivered to handset", Some(DeliveryStatus::Delivered)),
            ("0", Some(DeliveryStatus::Sent)),
            ("Sent", None),
            ("A=B", Some(DeliveryStatus::Read)),
            ("UNDELIV", Some(DeliveryStatus::Undelivered)),
            ("expired", Some(DeliveryStatus::Expired)),
            ("teleported", None),
        ] {
            assert_eq!(words.meaning(word), status, "{word}");
        }
        for text in ["DELIVRD", "a=teleported", "a=Delivered"] {
            assert!(Words::parse(text).is_err(), "{text}");
        }
    }
}
