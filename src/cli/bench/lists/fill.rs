//! What a gateway has after a year: senders, people, conversations and what agents did with them.
//!
//! The databases make all of it themselves, in sets, out of a row's number alone, as [`super::tables`] has
//! it; [`Sizes`] and the functions below say the same to whoever asks for pages. Not made is what no
//! page shows: the outbox, and what tells repeated requests.

use uuid::Uuid;

use super::{super::store::settle, store::run, tables::Words};
use crate::db::Store;

/// How long all of it took, in milliseconds.
pub(super) const YEAR: u64 = 31_000_000_000;
/// Senders behind whom there is a person of the directory: one of so many.
pub(super) const PER_PERSON: u64 = 4;
/// Senders who write again and again: one of twenty interactions is one of theirs.
pub(super) const BUSY: u64 = 100;
pub(super) const AGENTS: u64 = 200;
pub(super) const CHANNELS: u64 = 20;
pub(super) const QUEUES: u64 = 9;
/// Interactions of which the first is a long conversation, and their messages.
pub(super) const BLOCK: u64 = 1_000;
pub(super) const BLOCK_MESSAGES: u64 = 4_000;
/// Rows made in one statement.
const AT_ONCE: u64 = 250_000;

pub(super) const OUR_ADDRESS: &str = "+15005550006";

pub(super) const FIRST_NAMES: &str = "Ana Ben Carla David Elena Farid Greta Hugo Ines Jonas Karin Liam Maria Nadia Omar Paula \
    Quentin Rosa Samir Tara Umar Vera Walter Ximena Yusuf Zora Andre Bianca Cedric Dalia Emil Freya";
pub(super) const LAST_NAMES: &str = "Adler Blanco Castro Dubois Evans Fischer Garcia Haddad Ivanov Jensen Keller Lima Moreau \
    Novak Okafor Prado Quinn Rossi Silva Tanaka Ueda Vogel Weber Xavier Yilmaz Zeman Abbas Braun \
    Costa Duarte Eriksen Fontaine";
pub(super) const OPENINGS: &str = "hello good-morning please excuse-me hi thanks sorry hey";
pub(super) const OBJECTS: &str = "parcel order refund invoice contract account password bill delivery appointment booking \
    ticket subscription router phone card";
pub(super) const ENDINGS: &str = "has-not-arrived is-late is-wrong was-charged-twice does-not-work is-broken must-be-changed \
    is-urgent";

/// How many there are of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub profiles: u64,
}

impl Sizes {
    pub fn people(self) -> u64 {
        self.profiles / PER_PERSON
    }

    pub fn interactions(self) -> u64 {
        self.profiles / 4 * 5
    }

    pub fn messages(self) -> u64 {
        self.profiles * 5
    }

    pub fn tasks(self) -> u64 {
        self.interactions() / 10
    }

    pub fn merges(self) -> u64 {
        self.profiles / 100
    }

    pub fn consents(self) -> u64 {
        self.profiles / 10
    }

    pub fn deliveries(self) -> u64 {
        self.messages() / 50
    }
}

/// Whose an interaction is.
pub(super) fn profile(interaction: u64, sizes: Sizes) -> u64 {
    if interaction.is_multiple_of(20) {
        interaction / 20 % BUSY
    } else {
        interaction * SPREAD % sizes.profiles
    }
}

/// A multiplication by it spreads numbers over all of a table.
pub(super) const SPREAD: u64 = 2_654_435_761;

/// What an id is of; each table has its own.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(super) enum Kind {
    Profile = 1,
    Person,
    Interaction,
    Request,
    Message,
    Event,
    Item,
    ItemEvent,
    Transition,
    Note,
    Firing,
    Task,
    Related,
    Entry,
    Decision,
    Merge,
    Erasure,
    Delivery,
}

/// The id of one of `total` rows that came evenly in a year since `begin`, in Unix milliseconds.
pub(super) fn id(kind: Kind, number: u64, total: u64, begin: u64) -> Uuid {
    let millis = u128::from(begin + number * (YEAR / total));
    let kind = u128::from(kind as u64);
    Uuid::from_u128(millis << 80 | 7 << 76 | kind << 64 | 8 << 60 | u128::from(number))
}

/// A name, by its number.
pub(super) fn name(number: u64) -> String {
    let of = |names: &str, number: u64| {
        let names: Vec<&str> = names.split_whitespace().collect();
        names[usize::try_from(number).unwrap_or_default() % names.len()].to_owned()
    };
    format!("{} {}", of(FIRST_NAMES, number), of(LAST_NAMES, number / 32))
}

/// A word of many messages.
pub(super) fn common_word(number: u64) -> &'static str {
    let words: Vec<&str> = OBJECTS.split_whitespace().collect();
    words[usize::try_from(number).unwrap_or_default() % words.len()]
}

/// Fills an empty database with a year since `begin`.
pub(super) async fn fill(store: &Store, sizes: Sizes, begin: u64) -> anyhow::Result<()> {
    let words = Words { is_sqlite: matches!(store, Store::Sqlite { .. }), sizes, begin };
    // Made at the end, an index of words takes a tenth of the time.
    let by_word =
        [("search_messages_by_word", "search_messages"), ("search_names_by_word", "search_names")];
    if !words.is_sqlite {
        for (index, _) in by_word {
            run(store, &format!("drop index {index}"), None).await?;
        }
    }
    for (rows, sql) in words.tables() {
        let mut from = 0;
        while from < rows {
            let until = rows.min(from + AT_ONCE);
            run(store, &sql, Some((from, until - 1))).await?;
            from = until;
        }
        if words.is_sqlite {
            // Or the log becomes as large as the database.
            settle(store).await?;
        }
    }
    for sql in words.endings() {
        run(store, &sql, None).await?;
    }
    if !words.is_sqlite {
        for (index, table) in by_word {
            run(store, &format!("create index {index} on {table} using gin (words)"), None).await?;
        }
    }
    settle(store).await
}
