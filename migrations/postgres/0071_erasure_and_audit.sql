-- Whose a held part is, so that it is erased with everything else of theirs.
alter table part_groups add column sender text not null default '';
update part_groups set sender = coalesce((select p.message -> 'sender' ->> 'value' from parts p
    where p.group_id = part_groups.id limit 1), '');
create index part_groups_by_sender on part_groups (sender);

-- The audit is only ever added to. What was changed from what to what may be forgotten: by
-- retention as a whole, by erasure value by value, with a subject that is somebody's address.
create function audit_is_kept() returns trigger language plpgsql as $$ begin
    if tg_op = 'UPDATE'
        and (new.id, new.author_kind, new.author, new.key_id, new.action, new.subject_kind, new.at)
            is not distinct from
            (old.id, old.author_kind, old.author, old.key_id, old.action, old.subject_kind, old.at)
        and new.subject in (old.subject, 'erased')
        and (new.changes::text = '[]' or new.changes::jsonb = (
            select coalesce(jsonb_agg(c.change || '{"from": null, "to": null}' order by c.place), '[]')
            from jsonb_array_elements(old.changes::jsonb) with ordinality as c (change, place)))
    then
        return new;
    end if;
    raise exception 'the audit is only ever added to' using errcode = 'restrict_violation';
end $$;
create trigger audit_is_kept before update or delete on audit
    for each row execute function audit_is_kept();
create trigger audit_is_not_emptied before truncate on audit
    for each statement execute function audit_is_kept();
