//! What a gateway has after a year: senders, people, conversations and what agents did with them.
//!
//! The databases make all of it themselves, in sets, out of a row's number alone; [`Sizes`] and the
//! functions below say the same to whoever asks for pages. Not made is what no page shows: the
//! outbox, and what tells repeated requests.

use anyhow::Context;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::super::requests::AREAS;
use crate::db::{Store, Tx, on_engine};

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
const BLOCK_MESSAGES: u64 = 4_000;
/// Rows made in one statement.
const AT_ONCE: u64 = 250_000;

pub(super) const OUR_ADDRESS: &str = "+15005550006";

const FIRST_NAMES: &str = "Ana Ben Carla David Elena Farid Greta Hugo Ines Jonas Karin Liam Maria Nadia Omar Paula \
    Quentin Rosa Samir Tara Umar Vera Walter Ximena Yusuf Zora Andre Bianca Cedric Dalia Emil Freya";
const LAST_NAMES: &str = "Adler Blanco Castro Dubois Evans Fischer Garcia Haddad Ivanov Jensen Keller Lima Moreau \
    Novak Okafor Prado Quinn Rossi Silva Tanaka Ueda Vogel Weber Xavier Yilmaz Zeman Abbas Braun \
    Costa Duarte Eriksen Fontaine";
const OPENINGS: &str = "hello good-morning please excuse-me hi thanks sorry hey";
const OBJECTS: &str = "parcel order refund invoice contract account password bill delivery appointment booking \
    ticket subscription router phone card";
const ENDINGS: &str = "has-not-arrived is-late is-wrong was-charged-twice does-not-work is-broken must-be-changed \
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
const SPREAD: u64 = 2_654_435_761;

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

/// Whether the database has been filled before: when its year began, and how many profiles it has.
pub(super) async fn found(store: &Store) -> anyhow::Result<Option<(u64, Sizes)>> {
    const SQL: &str =
        "select opened_at, (select count(*) from profiles) from interactions where seq = 1";
    let mut tx = store.begin_read().await?;
    let row: Option<(i64, i64)> =
        on_engine!(&mut tx, conn => sqlx::query_as(SQL).fetch_optional(conn).await)?;
    tx.rollback().await?;
    let found = |(begin, profiles)| {
        anyhow::Ok((u64::try_from(begin)?, Sizes { profiles: u64::try_from(profiles)? }))
    };
    row.map(found).transpose()
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
    }
    for sql in words.endings() {
        run(store, &sql, None).await?;
    }
    if !words.is_sqlite {
        for (index, table) in by_word {
            run(store, &format!("create index {index} on {table} using gin (words)"), None).await?;
        }
    }
    super::super::store::settle(store).await
}

async fn run(store: &Store, sql: &str, rows: Option<(u64, u64)>) -> anyhow::Result<()> {
    let mut tx = store.begin().await?;
    if let Tx::Postgres(conn) = &mut tx {
        sqlx::query("set local maintenance_work_mem = '1GB'").execute(&mut **conn).await?;
    }
    on_engine!(&mut tx, conn => {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        if let Some((from, to)) = rows {
            query = query.bind(i64::try_from(from)?).bind(i64::try_from(to)?);
        }
        query.execute(conn).await.map(drop)
    })
    .with_context(|| format!("rows could not be made by: {sql}"))?;
    Ok(tx.commit().await?)
}

/// The engine's own words.
struct Words {
    is_sqlite: bool,
    sizes: Sizes,
    begin: u64,
}

impl Words {
    fn rows(&self) -> &'static str {
        if self.is_sqlite {
            "(with recursive n(i) as (select $1 union all select i + 1 from n where i < $2) select i from n) n"
        } else {
            "generate_series($1::bigint, $2::bigint) as n(i)"
        }
    }

    fn id(&self, kind: Kind, number: &str, total: u64) -> String {
        let at = self.at(number, total);
        let kind = kind as u64;
        if self.is_sqlite {
            format!("unhex(printf('%012x7{kind:03x}8000%012x', {at}, {number}))")
        } else {
            format!(
                "(lpad(to_hex({at}), 12, '0') || '7{kind:03x}8000' || lpad(to_hex({number}), 12, '0'))::uuid"
            )
        }
    }

    fn at(&self, number: &str, total: u64) -> String {
        format!("({} + ({number}) * {})", self.begin, YEAR / total)
    }

    fn digits(&self, number: &str) -> String {
        if self.is_sqlite {
            format!("printf('%07d', {number})")
        } else {
            format!("lpad(({number})::text, 7, '0')")
        }
    }

    fn blob(&self, text: &str) -> String {
        if self.is_sqlite {
            format!("cast({text} as blob)")
        } else {
            format!("convert_to({text}, 'UTF8')")
        }
    }

    /// One of some words, `-` in them standing for a space.
    fn one_of(&self, words: &str, number: &str) -> String {
        let words: Vec<String> =
            words.split_whitespace().map(|word| word.replace('-', " ")).collect();
        let width = words.iter().map(String::len).max().unwrap_or_default();
        let table: String = words.iter().map(|word| format!("{word:width$}")).collect();
        let count = words.len();
        format!(
            "trim(substr('{table}', cast(1 + {width} * (({number}) % {count}) as integer), {width}))"
        )
    }

    fn name(&self, number: &str) -> String {
        let (first, last) = (
            self.one_of(FIRST_NAMES, number),
            self.one_of(LAST_NAMES, &format!("({number}) / 32")),
        );
        format!("({first} || ' ' || {last})")
    }

    fn phone(number: &str) -> String {
        format!(
            "('+1' || substr('{AREAS}', cast(1 + 3 * (({number}) / 10000 % {areas}) as integer), 3) || \
             cast(5550000 + ({number}) / {areas}0000 * 10000 + ({number}) % 10000 as text))",
            areas = AREAS.len() / 3
        )
    }

    fn text(&self) -> String {
        format!(
            "({} || ' my ' || {} || ' ' || {} || ' number ' || (i % 100000) || \
             case when i % 1000003 = 17 then ' zeppelin' else '' end)",
            self.one_of(OPENINGS, "i / 7"),
            self.one_of(OBJECTS, "i * 11 / 16"),
            self.one_of(ENDINGS, "i / 3"),
        )
    }

    /// `{…}` in the words of the engine, the interactions' `{j}` being `j`.
    fn written_out(&self, template: &str, j: &str) -> String {
        let sizes = self.sizes;
        let (p, all) = (sizes.profiles, sizes.interactions());
        let recent = all / 100 * 99;
        let state = format!(
            "(case when j < {recent} then case when j % 1000 = 7 and j >= {} then 'on_hold' \
             when j % 5000 = 11 then 'faulted' when j % 5 = 1 then 'closed_abandoned' else 'closed_complete' end \
             when j % 20 = 0 then 'closed_complete' when j % 10 in (1, 2, 3, 4) then 'new' \
             when j % 10 in (5, 6) then 'work_in_progress' when j % 10 = 8 then 'on_hold' \
             when j % 100 = 7 then 'wrap_up' else 'closed_complete' end)",
            all / 2
        );
        let profile =
            format!("(case when j % 20 = 0 then j / 20 % {BUSY} else j * {SPREAD} % {p} end)");
        let channel = "('line-' || case when j % 2000 = 9 then 19 when j * 7919 % 1000 < 500 then 0 \
            when j * 7919 % 1000 < 700 then 1 when j * 7919 % 1000 < 800 then 2 \
            else 3 + j * 7919 % 1000 % 16 end)";
        let queue = "('queue-' || case when j * 104729 % 1000 < 500 then 0 when j * 104729 % 1000 < 750 then 1 \
            when j * 104729 % 1000 < 900 then 2 when j * 104729 % 1000 < 960 then 3 \
            when j * 104729 % 1000 < 990 then 4 when j * 104729 % 1000 < 998 then 5 \
            when j * 104729 % 1000 = 998 then 6 else 7 end)";
        let contact_type = format!(
            "(case when j % 500 = 3 then 'phone' when {channel} = 'line-1' then 'chat' else 'messaging' end)"
        );
        // Innermost last: what stands in an expression is replaced after it.
        let mut sql = template.replace("{rows}", self.rows());
        let messages = sizes.messages();
        for (name, value) in [
            ("{text}", self.text()),
            ("{state}", state),
            ("{is_open}", "s in ('new', 'work_in_progress', 'on_hold', 'wrap_up')".to_owned()),
            ("{agent}", format!("('agent-' || (j * 31 % {AGENTS}))")),
            ("{queue}", queue.to_owned()),
            ("{type}", contact_type),
            ("{channel}", channel.to_owned()),
            (
                "{person}",
                self.id(Kind::Person, &format!("({profile} / {PER_PERSON})"), sizes.people()),
            ),
            ("{profile_id}", self.id(Kind::Profile, &profile, p)),
            ("{profile}", profile),
            ("{interaction}", self.id(Kind::Interaction, "j", all)),
            ("{opened}", self.at("j", all)),
            ("{request}", self.id(Kind::Request, "i", messages)),
            ("{message}", self.id(Kind::Message, "i", messages)),
            ("{received}", self.at("i", messages)),
            ("{item}", self.id(Kind::Item, "j", all)),
            ("{ours}", format!("'{OUR_ADDRESS}'")),
            (
                "{of_message}",
                format!(
                    "(i / {BLOCK_MESSAGES} * {BLOCK} + case when i % {BLOCK_MESSAGES} < {BLOCK} then i % {BLOCK_MESSAGES} \
                     when i % {BLOCK_MESSAGES} < 3000 then i % {BLOCK_MESSAGES} * 7 % {BLOCK} \
                     when i % {BLOCK_MESSAGES} < 3400 then 0 else i % {BLOCK_MESSAGES} * 13 % {BLOCK} end)"
                ),
            ),
        ] {
            sql = sql.replace(name, &value);
        }
        sql.replace("{j}", j)
    }

    /// Each table's number of rows and the statement that makes some of them.
    #[expect(clippy::too_many_lines, reason = "a table each, one after the other")]
    fn tables(&self) -> Vec<(u64, String)> {
        let sizes = self.sizes;
        let (profiles, people, all) = (sizes.profiles, sizes.people(), sizes.interactions());
        let messages = sizes.messages();
        let own = |kind, total| self.id(kind, "i", total);
        let number = |number: &str| format!("'IMS' || {}", self.digits(number));
        let task = format!(
            "case i % 3 when 0 then 'INC' when 1 then 'CS' else 'REQ' end || {}",
            self.digits("i")
        );
        let spread = format!("i * {SPREAD} % 4294967296");
        let sid = if self.is_sqlite {
            format!("printf('SM%08x%024x', {spread}, i)")
        } else {
            format!("('SM' || lpad(to_hex({spread}), 8, '0') || lpad(to_hex(i), 24, '0'))")
        };
        let body = self.blob(&if self.is_sqlite {
            "printf('%0240d', i)".to_owned()
        } else {
            "lpad(i::text, 240, '0')".to_owned()
        });
        let mut tables = vec![
            (AGENTS, "insert into agents (id, name, active, created_at, changed_at, version, presence) select \
                'agent-' || i, 'Agent ' || i, true, 0, 0, 1, 'busy' from {rows}".to_owned()),
            (QUEUES, "insert into queues (id, name, is_default, created_at, changed_at, version) select \
                'queue-' || i, 'Queue ' || i, false, 0, 0, 1 from {rows}".to_owned()),
            (people, format!("insert into people (id, kind, name, email, active, created_at, changed_at, version, \
                external_id) select {}, 'consumer', {}, 'p' || i || '@example.com', true, {at}, {at}, 1, \
                'x' || i from {{rows}}", own(Kind::Person, people), self.name(&format!("i * {PER_PERSON}")),
                at = self.at("i", people))),
            (people, format!("insert into person_phones (person_id, phone) select {}, {} from {{rows}}",
                own(Kind::Person, people), Self::phone(&format!("i * {PER_PERSON}")))),
            (profiles, format!("insert into profiles (id, scheme, scope, value, address_kind, answerable, person_kind, \
                person_id, display_name, language, active, blocked_at, match_outcome, candidates, created_at, \
                changed_at, version) select {}, 'sms', '', {}, 'phone', true, \
                case when i % {PER_PERSON} = 0 then 'consumer' end, \
                case when i % {PER_PERSON} = 0 then {} end, case when i % 2 = 0 then {} end, 'en', true, \
                case when i % 2000 = 7 then {at} end, case when i % 1000 = 5 then 'new_ambiguous' \
                when i % {PER_PERSON} = 0 then 'new_linked' else 'new_guest' end, '[]', {at}, {at}, 1 from {{rows}}",
                own(Kind::Profile, profiles), Self::phone("i"),
                self.id(Kind::Person, &format!("(i / {PER_PERSON})"), people), self.name("i"),
                at = self.at("i", profiles))),
            (all, "insert into interactions (id, type, subtype, direction, initiated_by, state, state_changed_at, \
                active, profile_id, channel_id, our_address, opened_for_kind, opened_for, consumer, verified, \
                match_outcome, candidates, assigned_to, assigned_at, opened_at, opened_by, closed_at, closed_by, \
                short_description, country, channel_metadata, archived_at, version) \
                select {interaction}, t, 'sms', 'inbound', 'requester', s, {opened}, \
                {is_open}, {profile_id}, {channel}, {ours}, case when p % 4 = 0 then 'consumer' else 'guest' end, \
                case when p % 4 = 0 then {person} end, case when p % 4 = 0 then {person} end, false, 'new_guest', \
                '[]', case when s not in ('new', 'closed_abandoned') then {agent} end, \
                case when s not in ('new', 'closed_abandoned') then {opened} end, \
                {opened}, 'requester', case when not {is_open} then {opened} + 3600000 end, \
                case when not {is_open} then {agent} end, 'Where is my order?', 'US', '{}', \
                case when not {is_open} and j < {archived} then {opened} + 2592000000 end, 1 \
                from (select {j} as j, {state} as s, {type} as t, {profile} as p from (select i as j from {rows}) x) y"
                .replace("{archived}", &(all / 12 * 11).to_string())),
            (messages, "insert into requests (id, channel_id, method, target, headers, body, received_at, outcome, \
                reason, events, duplicates) select {request}, case when i % 8000 = 7 then null else {channel} end, \
                'POST', '/webhooks/line', '[[\"content-type\",\"application/x-www-form-urlencoded\"]]', {body}, \
                {received}, case when i % 4 = 3 then case when i % 8000 = 7 then 'unknown_channel' else 'refused' end \
                when i % 50 = 0 then 'duplicate' when i % 5000 = 1 then 'malformed' else 'accepted' end, \
                null, 1, 0 from (select i, {of_message} as j from {rows}) x \
                where i % 4 <> 3 or i % 800 = 3 or i % 8000 = 7".replace("{body}", &body)),
            (messages, "insert into messages (id, request_id, channel_id, interaction_id, profile_id, direction, kind, \
                provider_message_id, text, attachments, details, received_at, decision, reason, author_kind, author) \
                select {message}, case when i % 4 <> 3 then {request} end, {channel}, {interaction}, {profile_id}, \
                case when i % 4 <> 3 then 'inbound' else 'outbound' end, 'message', {sid}, {text}, '[]', '{}', \
                {received}, 'continued', 'in_progress', case when i % 4 = 3 then 'agent' end, \
                case when i % 4 = 3 then {agent} end from (select i, {of_message} as j from {rows}) x"
                .replace("{sid}", &sid)),
            (messages, format!("insert into events (id, request_id, channel_id, kind, provider_type, target, message_id, \
                data, at, received_at) select {}, {{request}}, {{channel}}, 'status', 'delivered', {sid}, {{message}}, \
                '{{}}', {{received}}, {{received}} from (select i, {{of_message}} as j from {{rows}}) x where i % 4 = 3",
                own(Kind::Event, messages))),
            (all, "insert into work_items (id, interaction_id, queue_id, lane, state, priority, sort_1, sort_2, \
                unrouted, reason, queued_at, changed_at, assigned_to, offered_at, lease_until, version) \
                select {item}, {interaction}, {queue}, t, w, 100, 100, {opened}, false, 'bench', {opened}, {opened}, \
                case when w in ('pending_accept', 'accepted', 'completed') then {agent} end, \
                case when w = 'pending_accept' then {opened} end, \
                case when w = 'pending_accept' then 9000000000000 end, 1 from (select j, t, case \
                when s = 'new' and j % 100 = 4 then 'pending_accept' when s = 'new' then 'queued' \
                when s in ('work_in_progress', 'on_hold', 'wrap_up') then 'accepted' \
                when s = 'closed_abandoned' then 'canceled' else 'completed' end as w \
                from (select j, {state} as s, {type} as t from (select i as j from {rows}) x) y where t <> 'phone') z"
                .to_owned()),
            (all, format!("insert into work_item_events (id, work_item_id, kind, agent_id, queue_id, reason, \
                author_kind, author, excludes, at) select {}, {{item}}, 'offered', {{agent}}, {{queue}}, 'claimed', \
                'agent', {{agent}}, false, {{opened}} from (select i, i as j from {{rows}}) x where i % 2 = 1",
                own(Kind::ItemEvent, all))),
        ];
        for (nth, from, to, only) in [
            (0, "new", "work_in_progress", "s not in ('new', 'closed_abandoned')"),
            (1, "work_in_progress", "closed_complete", "s = 'closed_complete'"),
        ] {
            tables.push((all, format!("insert into interaction_transitions (id, interaction_id, from_state, to_state, \
                cause, author_kind, author, assigned_to, at) select {}, {{interaction}}, '{from}', '{to}', \
                'agent', 'agent', {{agent}}, {{agent}}, {{opened}} + 60000 \
                from (select j, {{state}} as s from (select i as j from {{rows}}) x) y where {only}",
                self.id(Kind::Transition, &format!("(2 * j + {nth})"), 2 * all))));
        }
        let tenth = all / 10;
        tables.extend([
            (tenth, format!("insert into interaction_notes (id, interaction_id, author_kind, author, text, at) select {}, \
                {{interaction}}, 'agent', {{agent}}, 'Called back; wants a refund.', {{opened}} \
                from (select i, i * 10 as j from {{rows}}) x", own(Kind::Note, tenth))),
            (tenth, format!("insert into timer_firings (id, interaction_id, rule, armed_by, armed_at, due_at, outcome, \
                what, at) select {}, {{interaction}}, 'remind-agent', {{interaction}}, {{opened}}, {{opened}}, 'done', \
                'prompt_agent', {{opened}} from (select i, i * 10 + 1 as j from {{rows}}) x", own(Kind::Firing, tenth))),
            (sizes.tasks(), format!("insert into tasks (id, number, kind, short_description, state, priority, \
                opened_for_kind, opened_for, profile_id, interaction_id, sole, opened_at, opened_by, changed_at, version) \
                select {}, {task}, case i % 3 when 0 then 'incident' when 1 then 'case' else 'request' end, \
                'Order lost', case when i > {recent} and i % 10 < 6 then case i % 3 when 0 then 'new' \
                when 1 then 'in_progress' else 'on_hold' end when i % 7 = 0 then 'resolved' when i % 100 = 1 \
                then 'canceled' else 'closed' end, 3, case when p % 4 = 0 then 'consumer' else 'guest' end, \
                case when p % 4 = 0 then {{person}} end, {{profile_id}}, {{interaction}}, true, {{opened}}, \
                {{agent}}, {{opened}}, 1 from (select i, j, {{profile}} as p \
                from (select i, i * 10 as j from {{rows}}) x) y",
                own(Kind::Task, sizes.tasks()), recent = sizes.tasks() / 10 * 9)),
            (sizes.tasks(), format!("insert into related_records (id, interaction_id, document_table, document_id, \
                task_id, operation, strength, author_kind, author, at) select {}, {{interaction}}, 'incident', {task}, \
                {}, 'insert', 5, 'agent', {{agent}}, {{opened}} from (select i, i * 10 as j from {{rows}}) x",
                own(Kind::Related, sizes.tasks()), own(Kind::Task, sizes.tasks()))),
            (all, format!("insert into audit (id, author_kind, author, action, subject_kind, subject, changes, at) \
                select {}, case when i % 5000 = 2 then 'command' when i % 20 = 1 then 'key' else 'agent' end, {{agent}}, \
                'change', case when i % 10000 = 9 then 'channel' when i % 50 = 3 then 'task' else 'interaction' end, \
                {}, '[]', {{opened}} from (select i, i as j from {{rows}}) x", own(Kind::Entry, all), number("(i + 1)"))),
            (sizes.consents(), format!("insert into consents (scheme, value, our_address, state, source, changed_at) \
                select 'sms', {}, {{ours}}, 'opted_out', 'keyword', {} from {{rows}}", Self::phone("i * 10"),
                self.at("i", sizes.consents()))),
            (2 * sizes.consents(), format!("insert into consent_changes (id, scheme, value, our_address, state, source, \
                author_kind, author, at) select {}, 'sms', {}, {{ours}}, \
                case when i % 2 = 0 then 'opted_in' else 'opted_out' end, 'keyword', 'requester', 'requester', {} \
                from {{rows}}", own(Kind::Decision, 2 * sizes.consents()),
                Self::phone(&format!("case when i % 40 = 0 then 0 else i % {} * 10 end", sizes.consents())),
                self.at("i", 2 * sizes.consents()))),
            (sizes.merges(), format!("insert into profile_merges (id, kept_id, given_up_id, first_id, second_id, reason, \
                state, proposed_at, proposed_by, changes, version) select {}, {one}, {other}, {one}, {other}, \
                'twin', case i % 10 when 0 then 'proposed' when 1 then 'dismissed' when 2 then 'undone' \
                else 'confirmed' end, {}, 'system', '{}', 1 from {{rows}}", own(Kind::Merge, sizes.merges()),
                self.at("i", sizes.merges()), r#"{"kept":null,"aliases":[],"address":null,"linked":[]}"#,
                one = self.id(Kind::Profile, "(2 * i)", profiles), other = self.id(Kind::Profile, "(2 * i + 1)", profiles))),
            (200, format!("insert into erasures (id, author_kind, author, removed, started_at, finished_at) select {}, \
                'agent', 'agent-1', '{{\"messages\":4}}', {at}, {at} from {{rows}}", own(Kind::Erasure, 200),
                at = self.at("i", 200))),
            (3, format!("insert into sinks (id, kind, url, settings, secrets, state, created_at, changed_at, version) \
                select 'sink-' || i, 'webhook', 'https://sink.example', '{{}}', {}, 'paused', 0, 0, 1 from {{rows}}",
                self.blob("''"))),
            (sizes.deliveries(), format!("insert into deliveries (id, sink_id, position, event_id, type, lane, \
                interaction_id, record_id, created_at, state, attempts, log, settled_at) select {id}, \
                case when i % 1000 = 1 then 'sink-1' else 'sink-0' end, i, {id}, 'message.received', {{interaction}}, \
                {{interaction}}, {id}, {{opened}}, case when i % 20 = 3 then 'waiting' when i % 100 = 7 then 'dead' \
                else 'delivered' end, 1, '[]', {{opened}} from (select i, i as j from {{rows}}) x",
                id = own(Kind::Delivery, sizes.deliveries()))),
        ]);
        // SQLite keeps words in a table of their own.
        let names = [
            (
                "person",
                people,
                1,
                0,
                own(Kind::Person, people),
                self.name(&format!("i * {PER_PERSON}")),
            ),
            ("profile", profiles, 2, people, own(Kind::Profile, profiles), self.name("i")),
        ];
        if self.is_sqlite {
            tables.push((
                messages,
                "insert into search_messages (place, message_id, seq) select i + 1, {message}, \
                j + 1 from (select i, {of_message} as j from {rows}) x"
                    .to_owned(),
            ));
            tables.push((
                messages,
                "insert into search_message_words (rowid, words) select i + 1, {text} from {rows}"
                    .to_owned(),
            ));
            for (kind, rows, each, before, id, name) in names {
                tables.push((
                    rows,
                    format!(
                        "insert into search_names (place, kind, id) select i + 1 + {before}, \
                    '{kind}', {id} from {{rows}} where i % {each} = 0"
                    ),
                ));
                tables.push((
                    rows,
                    format!(
                        "insert into search_name_words (rowid, words) select i + 1 + {before}, \
                    lower({name}) from {{rows}} where i % {each} = 0"
                    ),
                ));
            }
        } else {
            tables.push((messages, "insert into search_messages (place, message_id, seq, words) select i + 1, \
                {message}, j + 1, array_to_tsvector(string_to_array({text} || ' @' || ((i + 1) >> 16), ' ')) \
                from (select i, {of_message} as j from {rows}) x".to_owned()));
            for (kind, rows, each, before, id, name) in names {
                tables.push((rows, format!("insert into search_names (place, kind, id, words) select i + 1 + {before}, \
                    '{kind}', {id}, array_to_tsvector(string_to_array(lower({name}), ' ')) \
                    from {{rows}} where i % {each} = 0")));
            }
        }
        tables.into_iter().map(|(rows, sql)| (rows, self.written_out(&sql, "j"))).collect()
    }

    /// What lets the gateway find nothing to do.
    fn endings(&self) -> Vec<String> {
        let last = "f".repeat(32);
        let upto =
            if self.is_sqlite { format!("unhex('{last}')") } else { format!("'{last}'::uuid") };
        let mut endings = vec![
            "delete from search_again".to_owned(),
            format!(
                "insert into search_progress (name, upto) select 'fresh', {upto} union all \
                select 'settled', {upto} union all select 'late', {upto}"
            ),
        ];
        if !self.is_sqlite {
            endings.push(format!("select setval('search_places', {})", 2 * self.sizes.messages()));
        }
        endings
    }
}
