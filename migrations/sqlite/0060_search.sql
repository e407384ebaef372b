-- What was said and who is called what, word by word. A worker keeps it up behind intake, which
-- writes nothing here; what is changed or erased is followed by triggers.

create table search_messages (
    place integer primary key,
    message_id blob not null unique,
    seq integer not null
) strict;
create index search_messages_by_interaction on search_messages (seq, place);
create virtual table search_message_words using fts5 (words, tokenize = 'unicode61 remove_diacritics 0');
-- What is erased leaves nothing behind in the index.
insert into search_message_words (search_message_words, rank) values ('secure-delete', 1);

create table search_names (
    place integer primary key,
    kind text not null,
    id blob not null,
    unique (kind, id)
) strict;
create virtual table search_name_words using fts5 (words, tokenize = 'unicode61 remove_diacritics 0');
insert into search_name_words (search_name_words, rank) values ('secure-delete', 1);

-- What must be looked at again: `message`, `person` or `profile`.
create table search_again (
    kind text not null,
    id blob not null,
    primary key (kind, id)
) strict;

-- Up to which message the worker has come. Each message is passed several times, since one may
-- become visible after one with a later id.
create table search_progress (
    name text primary key not null,
    upto blob not null
) strict;

create trigger search_message_forgotten after delete on search_messages begin
    delete from search_message_words where rowid = old.place;
end;
create trigger search_name_forgotten after delete on search_names begin
    delete from search_name_words where rowid = old.place;
end;

create trigger search_message_deleted after delete on messages begin
    delete from search_messages where message_id = old.id;
end;
create trigger search_message_changed after update of text, interaction_id on messages begin
    delete from search_messages where message_id = old.id;
    insert into search_again values ('message', new.id) on conflict do nothing;
end;

create trigger search_person_added after insert on people begin
    insert into search_again values ('person', new.id) on conflict do nothing;
end;
create trigger search_person_changed after update of name, email on people begin
    insert into search_again values ('person', new.id) on conflict do nothing;
end;
create trigger search_person_deleted after delete on people begin
    delete from search_names where kind = 'person' and id = old.id;
end;
create trigger search_profile_named after insert on profiles when new.display_name is not null begin
    insert into search_again values ('profile', new.id) on conflict do nothing;
end;
create trigger search_profile_renamed after update of display_name on profiles begin
    insert into search_again values ('profile', new.id) on conflict do nothing;
end;
create trigger search_profile_deleted after delete on profiles begin
    delete from search_names where kind = 'profile' and id = old.id;
end;

-- Lists by what they are filtered by, newest first.
create index interactions_by_state on interactions (state, seq);
create index interactions_by_channel on interactions (channel_id, seq);
create index interactions_by_agent on interactions (assigned_to, seq) where assigned_to is not null;
create index interactions_open on interactions (seq) where active;
create index interactions_by_opening on interactions (opened_at, seq);
create index requests_by_channel on requests (channel_id, id);
create index work_items_by_queue on work_items (queue_id, id);
