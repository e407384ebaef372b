//! Each table's rows as one statement makes them, in the words of either engine.

use super::{
    super::requests::AREAS,
    fill::{
        AGENTS, BLOCK, BLOCK_MESSAGES, BUSY, ENDINGS, FIRST_NAMES, Kind, LAST_NAMES, OBJECTS,
        OPENINGS, OUR_ADDRESS, PER_PERSON, QUEUES, SPREAD, Sizes, YEAR,
    },
};

/// The engine's own words.
pub(super) struct Words {
    pub is_sqlite: bool,
    pub sizes: Sizes,
    pub begin: u64,
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
    pub fn tables(&self) -> Vec<(u64, String)> {
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
    pub fn endings(&self) -> Vec<String> {
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
