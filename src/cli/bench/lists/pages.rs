//! Every list and record page of the API, each of its filters, and the usual ones together.
//!
//! `{…}` stands for something else at every call. A list is read from its beginning and from
//! anywhere within it, as far as its cursor is known without reading it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    super::requests::{number, scattered},
    fill::{
        AGENTS, BLOCK, BUSY, CHANNELS, Kind, PER_PERSON, QUEUES, Sizes, YEAR, common_word, id,
        name, profile,
    },
};

/// What the next page of a list goes on behind.
#[derive(Clone, Copy, Debug)]
enum Cursor {
    /// Only the first page is looked at: the list is short, or it is a record.
    None,
    /// An interaction's number.
    Number,
    /// A place in the index of what was said.
    Place,
    /// An id.
    Id(Kind),
    /// A place in a queue.
    Queue,
    /// A time and an id.
    Related,
}

/// An address, and whether it is asked for deep within the list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    template: &'static str,
    deep: Option<Cursor>,
}

const INTERACTIONS: &[&str] = &[
    "",
    "state=new",
    "state=work_in_progress",
    "state=on_hold",
    "state=wrap_up",
    "state=closed_complete",
    "state=closed_abandoned",
    "state=faulted",
    "active=true",
    "active=false",
    "type=messaging",
    "type=chat",
    "type=phone",
    "type=walk_up",
    "channel={channel}",
    "channel=line-19",
    "queue={queue}",
    "queue=queue-7",
    "queue=queue-8",
    "agent={agent}",
    "profile={profile}",
    "profile={busy_profile}",
    "person={person}",
    "person={busy_person}",
    "address={address}",
    "address={busy_address}",
    "name={name}",
    "name={begun_name}",
    "since={time}",
    "until={time}",
    "since={time}&until={day_later}",
    "active=true&channel={channel}",
    "active=true&agent={agent}",
    "active=false&agent={agent}",
    "active=true&queue={queue}&type=chat",
    "active=true&person={busy_person}",
    "active=true&name={name}",
    "active=false&address={busy_address}",
    "state=on_hold&agent={agent}",
    "state=new&queue={queue}",
    "state=new&channel={channel}",
    "state=closed_abandoned&channel={channel}",
    "state=closed_complete&agent={agent}&since={time}",
    "state=on_hold&type=chat",
    "state=faulted&channel={channel}",
    "type=chat&channel=line-0",
    "type=phone&agent={agent}",
    "type=chat&active=true",
    "channel={channel}&since={time}&until={day_later}",
    "agent={agent}&since={time}&until={day_later}",
    "agent={agent}&channel=line-19",
    "name={name}&channel={channel}",
    "name={name}&state=wrap_up",
];

const SEARCHES: &[&str] = &[
    "text={word}",
    "text={word}%20{other_word}",
    "text={number}",
    "text={word}%20{number}",
    "text=zeppelin",
    "text=nowhere",
    "text={word}&active=true",
    "text={word}&channel={channel}",
    "text={word}&agent={agent}",
    "text={word}&since={time}&until={day_later}",
    "text={word}&name={name}",
    "text={word}&person={person}",
    "text={word}&state=faulted",
];

/// Other lists: where, what they can be narrowed down by, and what their pages go on behind.
const LISTS: &[(&str, &[&str], Cursor)] = &[
    (
        "/v1/profiles",
        &[
            "",
            "address={address}",
            "person={person}",
            "undecided=true",
            "blocked=true",
            "name={name}",
            "name={begun_name}",
            "name=a",
            "name={name}&blocked=true",
            "name={name}&person={person}",
        ],
        Cursor::Id(Kind::Profile),
    ),
    (
        "/v1/people",
        &["", "phone={address}", "name={name}", "name={begun_name}", "name=a"],
        Cursor::Id(Kind::Person),
    ),
    (
        "/v1/requests",
        &[
            "",
            "channel={channel}",
            "channel=line-19",
            "outcome=accepted",
            "outcome=duplicate",
            "outcome=malformed",
            "outcome=refused",
            "outcome=unknown_channel",
            "outcome=failed",
            "since={time}",
            "until={time}",
            "since={time}&until={day_later}",
            "channel={channel}&outcome=malformed",
            "channel={channel}&outcome=failed",
            "channel={channel}&since={time}&until={day_later}",
            "outcome=refused&since={time}",
        ],
        Cursor::Id(Kind::Request),
    ),
    (
        "/v1/work-items",
        &[
            "",
            "agent={agent}",
            "queue={queue}",
            "queue=queue-7",
            "queue=queue-8",
            "state=queued",
            "state=pending_accept",
            "state=accepted",
            "state=completed",
            "state=canceled",
            "agent={agent}&state=accepted",
            "agent={agent}&state=pending_accept",
            "queue={queue}&state=queued",
            "queue={queue}&state=accepted",
            "queue=queue-7&state=pending_accept",
            "queue={queue}&agent={agent}",
        ],
        Cursor::Id(Kind::Item),
    ),
    (
        "/v1/tasks",
        &[
            "",
            "kind=incident",
            "kind=case",
            "state=new",
            "state=closed",
            "state=canceled",
            "person={person}",
            "person={busy_person}",
            "profile={profile}",
            "number={task}",
            "interaction={task_interaction}",
            "kind=case&state=new",
            "kind=incident&state=on_hold",
            "person={busy_person}&state=new",
        ],
        Cursor::Id(Kind::Task),
    ),
    (
        "/v1/audit",
        &[
            "",
            "subject_kind=interaction",
            "subject_kind=channel",
            "subject_kind=sink",
            "subject_kind=interaction&subject={interaction}",
            "author_kind=agent",
            "author_kind=command",
            "author_kind=system",
            "author_kind=agent&author={agent}",
            "author_kind=agent&author={agent}&subject_kind=channel",
        ],
        Cursor::Id(Kind::Entry),
    ),
    (
        "/v1/merges",
        &[
            "",
            "state=proposed",
            "state=confirmed",
            "profile={merged}",
            "profile={merged}&state=undone",
        ],
        Cursor::Id(Kind::Merge),
    ),
    (
        "/v1/deliveries",
        &[
            "",
            "sink=sink-0",
            "sink=sink-1",
            "sink=sink-2",
            "state=waiting",
            "state=delivered",
            "state=dead",
            "sink=sink-1&state=dead",
            "sink=sink-2&state=waiting",
        ],
        Cursor::Id(Kind::Delivery),
    ),
    ("/v1/erasures", &[""], Cursor::Id(Kind::Erasure)),
    ("/v1/consents", &["address={consenting}"], Cursor::None),
    (
        "/v1/consents/history",
        &[
            "address={consenting}",
            "address={busy_address}",
            "address={consenting}&our_address=%2B15005550006",
        ],
        Cursor::Id(Kind::Decision),
    ),
    ("/v1/queues/queue-0/items", &[""], Cursor::Queue),
    ("/v1/queues/{queue}/items", &[""], Cursor::Queue),
    ("/v1/people/{person}/interactions", &[""], Cursor::Number),
    ("/v1/people/{busy_person}/interactions", &[""], Cursor::Number),
    ("/v1/interactions/{interaction}/messages", &[""], Cursor::Id(Kind::Message)),
    ("/v1/interactions/{long}/messages", &[""], Cursor::Id(Kind::Message)),
    ("/v1/interactions/{interaction}/timeline", &[""], Cursor::Id(Kind::Message)),
    ("/v1/interactions/{long}/timeline", &["", "limit=200"], Cursor::Id(Kind::Message)),
    ("/v1/interactions/{task_interaction}/related-tasks", &[""], Cursor::Related),
];

/// Records, and lists that are short by their nature.
const RECORDS: &[&str] = &[
    "/v1/interactions/{interaction}",
    "/v1/interactions/{queued}",
    "/v1/interactions/{interaction}/transcript",
    "/v1/interactions/{long}/transcript?copy=internal",
    "/v1/interactions?number={interaction}",
    "/v1/people/{person}",
    "/v1/profiles/{profile}",
    "/v1/profiles/{busy_profile}",
    "/v1/messages/{message}",
    "/v1/requests/{request}",
    "/v1/explain/{message}",
    "/v1/explain/{request}",
    "/v1/work-items/{item}",
    "/v1/tasks/{task}",
    "/v1/merges/{merge}",
    "/v1/erasures/{erasure}",
    "/v1/deliveries/{delivery}",
    "/v1/agents",
    "/v1/agents/{agent}",
    "/v1/agents/{agent}/keys",
    "/v1/queues",
    "/v1/queues/{queue}",
    "/v1/routes",
    "/v1/channels",
    "/v1/sinks",
    "/v1/sinks/sink-0",
    "/v1/messaging-actions",
    "/v1/wrap-up-configurations",
    "/v1/related-policies",
];

/// All of them.
pub(super) fn all() -> Vec<Page> {
    let mut pages = Vec::new();
    let mut list = |path: &str, filters: &[&str], cursor| {
        for filter in filters {
            let template =
                if filter.is_empty() { path.to_owned() } else { format!("{path}?{filter}") };
            let template = Box::leak(template.into_boxed_str());
            pages.push(Page { template, deep: None });
            if !matches!(cursor, Cursor::None) {
                pages.push(Page { template, deep: Some(cursor) });
            }
        }
    };
    list("/v1/interactions", INTERACTIONS, Cursor::Number);
    list("/v1/interactions", SEARCHES, Cursor::Place);
    for (path, filters, cursor) in LISTS {
        list(path, filters, *cursor);
    }
    for record in RECORDS {
        list(record, &[""], Cursor::None);
    }
    pages
}

impl Page {
    /// How it is called in reports.
    pub fn name(&self) -> String {
        format!("{}{}", self.template, if self.deep.is_some() { ", deep" } else { "" })
    }

    /// What it lists or shows.
    pub fn path(&self) -> &'static str {
        self.template.split('?').next().unwrap_or_default()
    }

    /// The path and query of one call, with values of that call.
    pub fn target(&self, call: u64, sizes: Sizes, begin: u64) -> String {
        let values = Values { call, sizes, begin };
        let mut target = String::new();
        let mut rest = self.template;
        while let Some((before, (name, after))) =
            rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
        {
            target += before;
            target += &values.value(name);
            rest = after;
        }
        target += rest;
        if let Some(cursor) = self.deep {
            target.push(if target.contains('?') { '&' } else { '?' });
            let cursor = URL_SAFE_NO_PAD.encode(values.cursor(cursor).to_string());
            target += &format!("after={cursor}");
        }
        target
    }
}

struct Values {
    call: u64,
    sizes: Sizes,
    begin: u64,
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

    fn value(&self, name_of: &str) -> String {
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

    fn cursor(&self, cursor: Cursor) -> Value {
        let interaction = self.one_of(self.sizes.interactions(), 30);
        match cursor {
            Cursor::None => Value::Null,
            Cursor::Number => json!(interaction),
            Cursor::Place => json!(self.one_of(self.sizes.messages(), 31)),
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
