//! What stands for `{…}` in a page's address, and what a list goes on behind: other rows each call.

use serde_json::{Value, json};

use super::{
    super::requests::{number, scattered},
    fill::{
        AGENTS, BLOCK, BUSY, CHANNELS, Kind, PER_PERSON, QUEUES, Sizes, YEAR, common_word, id,
        name, profile,
    },
    pages::Cursor,
};

/// What stands for what in one call.
pub(super) struct Values {
    pub call: u64,
    pub sizes: Sizes,
    pub begin: u64,
}

impl Values {
    /// One of so many, another for each use.
    fn one_of(&self, count: u64, salt: u64) -> u64 {
        scattered(self.call * 64 + salt) % count
    }

    fn id(&self, kind: Kind, number: u64) -> String {
        id(kind, number, self.total(kind), self.begin).to_string()
    }

    fn total(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Profile => self.sizes.profiles,
            Kind::Person => self.sizes.people(),
            Kind::Request | Kind::Message | Kind::Event => self.sizes.messages(),
            Kind::Interaction | Kind::Item | Kind::ItemEvent | Kind::Entry => {
                self.sizes.interactions()
            }
            Kind::Transition => 2 * self.sizes.interactions(),
            Kind::Note | Kind::Firing | Kind::Task | Kind::Related => self.sizes.tasks(),
            Kind::Decision => 2 * self.sizes.consents(),
            Kind::Merge => self.sizes.merges(),
            Kind::Erasure => 200,
            Kind::Delivery => self.sizes.deliveries(),
        }
    }

    fn time(&self, more: u64) -> String {
        let millis = self.begin + self.one_of(YEAR, 1) + more;
        let time = i64::try_from(millis).ok().and_then(frontdesk_adapters::Timestamp::from_millis);
        time.map(|time| time.to_string()).unwrap_or_default()
    }

    fn number(interaction: u64) -> String {
        format!("IMS{:07}", interaction + 1)
    }

    pub fn value(&self, name_of: &str) -> String {
        let Sizes { profiles, .. } = self.sizes;
        let interactions = self.sizes.interactions();
        let phone = |sender| format!("%2B{}", number(sender));
        let any = |kind| self.id(kind, self.one_of(self.total(kind), 2));
        match name_of {
            "channel" => format!("line-{}", self.one_of(CHANNELS, 3)),
            "queue" => format!("queue-{}", self.one_of(QUEUES, 4)),
            "agent" => format!("agent-{}", self.one_of(AGENTS, 5)),
            "profile" => any(Kind::Profile),
            "busy_profile" => self.id(Kind::Profile, self.one_of(BUSY, 6)),
            "person" => any(Kind::Person),
            "busy_person" => self.id(Kind::Person, self.one_of(BUSY / PER_PERSON, 7)),
            "address" => phone(self.one_of(profiles, 8)),
            "busy_address" => phone(0),
            "consenting" => phone(self.one_of(self.sizes.consents(), 9) * 10),
            "name" => name(self.one_of(profiles, 10)).to_lowercase().replace(' ', "%20"),
            "begun_name" => name(self.one_of(profiles, 11)).to_lowercase()[..3].to_owned(),
            "word" => common_word(self.one_of(16, 12)).to_owned(),
            "other_word" => ["late", "wrong", "urgent", "hello", "thanks"]
                [usize::try_from(self.one_of(5, 13)).unwrap_or_default()]
            .to_owned(),
            "number" => self.one_of(100_000.min(self.sizes.messages()), 14).to_string(),
            "time" => self.time(0),
            "day_later" => self.time(86_400_000),
            "interaction" => Self::number(self.one_of(interactions, 15)),
            "queued" => {
                let recent = interactions / 100;
                Self::number(interactions - recent + self.one_of(recent / 10, 16) * 10 + 3)
            }
            "long" => Self::number(self.one_of(interactions / BLOCK, 17) * BLOCK),
            "task_interaction" => Self::number(self.one_of(self.sizes.tasks(), 18) * 10),
            "message" => any(Kind::Message),
            // Three of four messages came by one.
            "request" => self.id(Kind::Request, self.one_of(self.sizes.messages() / 4, 19) * 4),
            // Telephone calls, one of 500, wait in no queue.
            "item" => self.id(Kind::Item, self.one_of(interactions / 500, 20) * 500),
            "task" => {
                let task = self.one_of(self.sizes.tasks() / 3, 21) * 3;
                format!("INC{task:07}")
            }
            "merge" => any(Kind::Merge),
            "merged" => self.id(Kind::Profile, self.one_of(2 * self.sizes.merges(), 22)),
            "erasure" => any(Kind::Erasure),
            "delivery" => any(Kind::Delivery),
            _ => String::new(),
        }
    }

    pub fn cursor(&self, cursor: Cursor) -> Value {
        let interaction = self.one_of(self.sizes.interactions(), 30);
        match cursor {
            Cursor::None => Value::Null,
            Cursor::Number => json!(interaction),
            Cursor::Place => json!(self.one_of(self.sizes.messages(), 31)),
            Cursor::Name => json!(self.one_of(self.sizes.people() + self.sizes.profiles, 31)),
            Cursor::Id(kind) => json!(self.id(kind, self.one_of(self.total(kind), 32))),
            Cursor::Queue => {
                let at = self.begin + YEAR / 100 * 99 + self.one_of(YEAR / 100, 33);
                json!([100, at, self.id(Kind::Item, profile(interaction, self.sizes))])
            }
            Cursor::Related => {
                json!([self.begin + YEAR, self.id(Kind::Related, interaction / 10)])
            }
        }
    }
}
