//! Every list and record page of the API, each of its filters, and the usual ones together.
//!
//! `{…}` stands for something else at every call. A list is read from its beginning and from
//! anywhere within it, as far as its cursor is known without reading it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    fill::{Kind, Sizes},
    values::Values,
};

/// What the next page of a list goes on behind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cursor {
    /// Only the first page is looked at: the list is short, or it is a record.
    None,
    /// An interaction's number.
    Number,
    /// A place in the index of what was said.
    Place,
    /// A place in the index of names.
    Name,
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
            if matches!(cursor, Cursor::None) {
                continue;
            }
            let of_names = matches!(cursor, Cursor::Id(Kind::Person | Kind::Profile));
            let by_name = of_names && filter.starts_with("name=");
            let deep = if by_name { Cursor::Name } else { cursor };
            pages.push(Page { template, deep: Some(deep) });
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
