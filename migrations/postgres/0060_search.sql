-- What was said and who is called what, word by word. A worker keeps it up behind intake, which
-- writes nothing here; what is changed or erased is followed by triggers.

create sequence search_places;

-- `words` also holds the block of places a row is in, as `@3`: the newest rows with a common word
-- are found without looking at all of them.
create table search_messages (
    place bigint primary key,
    message_id uuid not null unique,
    seq bigint not null,
    words tsvector not null
);
create index search_messages_by_interaction on search_messages (seq, place);
create index search_messages_by_word on search_messages using gin (words);

create table search_names (
    place bigint primary key,
    kind text not null,
    id uuid not null,
    words tsvector not null,
    unique (kind, id)
);
create index search_names_by_word on search_names using gin (words);

-- What must be looked at again: `message`, `person` or `profile`.
create table search_again (
    kind text not null,
    id uuid not null,
    primary key (kind, id)
);

-- Up to which message the worker has come. Each message is passed several times, since one may
-- become visible after one with a later id.
create table search_progress (
    name text primary key,
    upto uuid not null
);

create function search_message_changed() returns trigger language plpgsql as $$ begin
    delete from search_messages where message_id = old.id;
    if tg_op = 'UPDATE' then
        insert into search_again values ('message', new.id) on conflict do nothing;
    end if;
    return null;
end $$;
create trigger search_message_changed after update of text, interaction_id or delete on messages
    for each row execute function search_message_changed();

create function search_name_changed() returns trigger language plpgsql as $$ begin
    if tg_op = 'DELETE' then
        delete from search_names where kind = tg_argv[0] and id = old.id;
    else
        insert into search_again values (tg_argv[0], new.id) on conflict do nothing;
    end if;
    return null;
end $$;
create trigger search_person_changed after insert or update of name, email or delete on people
    for each row execute function search_name_changed('person');
create trigger search_profile_renamed after update of display_name or delete on profiles
    for each row execute function search_name_changed('profile');
create trigger search_profile_named after insert on profiles
    for each row when (new.display_name is not null) execute function search_name_changed('profile');

-- Lists by what they are filtered by, newest first.
create index interactions_by_state on interactions (state, seq);
create index interactions_by_channel on interactions (channel_id, seq);
create index interactions_by_agent on interactions (assigned_to, seq) where assigned_to is not null;
create index interactions_open on interactions (seq) where active;
create index interactions_by_opening on interactions (opened_at, seq);
create index requests_by_channel on requests (channel_id, id);
create index work_items_by_queue on work_items (queue_id, id);
