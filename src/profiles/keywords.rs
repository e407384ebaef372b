//! The words by which people stop our messages, ask for them again, or ask what this is.
//!
//! A word counts when it is the whole message, in any case. Words stand here only with a source;
//! languages in which nobody publishes a list have none.

/// What a word does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// No more messages.
    OptOut,
    /// Messages again.
    OptIn,
    /// Messages again, but only for somebody who opted out: to others the word is an answer.
    OptInAgain,
    /// What is this?
    Help,
}

/// Where a word comes from.
#[derive(Debug)]
pub struct Source {
    /// Who asks for it.
    pub name: &'static str,
    /// Where that stands.
    pub url: &'static str,
    /// When it was read, or came into force.
    pub date: &'static str,
}

/// A word.
#[derive(Debug)]
pub struct Keyword {
    /// In lower case.
    pub word: &'static str,
    /// What it does.
    pub meaning: Meaning,
    /// Its language (BCP 47).
    pub language: &'static str,
    /// Where it comes from.
    pub source: &'static Source,
}

static TWILIO: Source = Source {
    name: "Twilio, default opt-out handling",
    url: "https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out",
    date: "read 2026-11-26",
};
static FCC: Source = Source {
    name: "United States, 47 CFR 64.1200(a)(10)",
    url: "https://www.ecfr.gov/current/title-47/section-64.1200",
    date: "in force 2025-04-11",
};
static AWS: Source = Source {
    name: "AWS End User Messaging, required opt-out keywords",
    url: "https://docs.aws.amazon.com/sms-voice/latest/userguide/keywords-required.html",
    date: "read 2026-11-26",
};
static PROXY: Source = Source {
    name: "Twilio Proxy, opt-out keywords",
    url: "https://www.twilio.com/docs/proxy/opt-out-keywords",
    date: "read 2026-11-26",
};
static BRAZE: Source = Source {
    name: "Braze, default keywords",
    url: "https://www.braze.com/docs/user_guide/channels/sms_mms_and_rcs",
    date: "read 2026-11-26",
};
static BIRD: Source = Source {
    name: "Bird, compliance keywords by language",
    url: "https://docs.bird.com/applications/channels/channels/supported-channels/sms/concepts/opt-in-and-opt-out-compliance",
    date: "read 2026-11-26",
};

use Meaning::{Help, OptIn, OptInAgain, OptOut};

/// Every word.
pub static KEYWORDS: &[Keyword] = &[
    word("stop", OptOut, "en", &TWILIO),
    word("stopall", OptOut, "en", &TWILIO),
    word("unsubscribe", OptOut, "en", &TWILIO),
    word("cancel", OptOut, "en", &TWILIO),
    word("end", OptOut, "en", &TWILIO),
    word("quit", OptOut, "en", &TWILIO),
    word("revoke", OptOut, "en", &FCC),
    word("opt out", OptOut, "en", &FCC),
    word("optout", OptOut, "en", &TWILIO),
    word("opt-out", OptOut, "en", &AWS),
    word("remove", OptOut, "en", &AWS),
    word("arret", OptOut, "fr", &AWS),
    // The same word as it is spelled.
    word("arrêt", OptOut, "fr", &AWS),
    word("arrete", OptOut, "fr", &PROXY),
    word("arrête", OptOut, "fr", &PROXY),
    word("arrett", OptOut, "fr", &PROXY),
    word("halt", OptOut, "de", &BIRD),
    word("detener", OptOut, "es", &BIRD),
    word("parar", OptOut, "pt", &BIRD),
    word("ferma", OptOut, "it", &BIRD),
    word("zatrzymaj", OptOut, "pl", &BIRD),
    word("остановить", OptOut, "ru", &BIRD),
    word("start", OptIn, "en", &BRAZE),
    word("unstop", OptIn, "en", &BRAZE),
    word("nonarret", OptIn, "fr", &BIRD),
    word("yes", OptInAgain, "en", &BRAZE),
    word("begin", OptInAgain, "en", &BIRD),
    word("resume", OptInAgain, "en", &BIRD),
    word("revert", OptInAgain, "en", &BIRD),
    word("help", Help, "en", &BRAZE),
    word("info", Help, "en", &BRAZE),
    word("aide", Help, "fr", &BIRD),
    word("hilfe", Help, "de", &BIRD),
    word("ayuda", Help, "es", &BIRD),
    word("ajuda", Help, "pt", &BIRD),
    word("aiuto", Help, "it", &BIRD),
    word("hulp", Help, "nl", &BIRD),
    word("pomocy", Help, "pl", &BIRD),
    word("помощь", Help, "ru", &BIRD),
];

const fn word(
    word: &'static str,
    meaning: Meaning,
    language: &'static str,
    source: &'static Source,
) -> Keyword {
    Keyword { word, meaning, language, source }
}

/// No word is longer, in bytes.
const LONGEST: usize = 20;

/// The word a message is, if it is nothing else.
#[must_use]
pub fn find(text: &str) -> Option<&'static Keyword> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    if text.is_ascii() {
        return KEYWORDS.iter().find(|keyword| keyword.word.eq_ignore_ascii_case(text));
    }
    let text = text.to_lowercase();
    KEYWORDS.iter().find(|keyword| keyword.word == text)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_word_counts_only_as_the_whole_message() {
        for (text, meaning) in [
            ("STOP", Some(OptOut)),
            (" Stop\r\n", Some(OptOut)),
            ("Opt Out", Some(OptOut)),
            ("REVOKE", Some(OptOut)),
            ("ARRÊT", Some(OptOut)),
            ("ОСТАНОВИТЬ", Some(OptOut)),
            ("Unstop", Some(OptIn)),
            ("yes", Some(OptInAgain)),
            ("Hilfe", Some(Help)),
            ("STOP PLEASE", None),
            ("please stop", None),
            ("stop.", None),
            ("", None),
            ("nonstop", None),
        ] {
            assert_eq!(find(text).map(|keyword| keyword.meaning), meaning, "{text}");
        }
    }

    #[test]
    fn every_word_stands_once_in_lower_case_and_is_found() {
        let mut seen = HashSet::new();
        for keyword in KEYWORDS {
            assert!(seen.insert(keyword.word), "{} twice", keyword.word);
            assert_eq!(keyword.word.to_lowercase(), keyword.word);
            assert!(keyword.word.len() <= LONGEST, "{}", keyword.word);
            assert_eq!(
                find(&keyword.word.to_uppercase()).map(|found| found.word),
                Some(keyword.word)
            );
            assert!(keyword.source.url.starts_with("https://") && !keyword.source.date.is_empty());
        }
    }
}
