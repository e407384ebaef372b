-- Whose a held part is, so that it is erased with everything else of theirs.
alter table part_groups add column sender text not null default '';
update part_groups set sender = coalesce((select p.message ->> '$.sender.value' from parts p
    where p.group_id = part_groups.id limit 1), '');
create index part_groups_by_sender on part_groups (sender);

-- The audit is only ever added to. What was changed from what to what may be forgotten: by
-- retention as a whole, by erasure value by value, with a subject that is somebody's address.
create trigger audit_is_kept before update on audit
    when (new.id, new.author_kind, new.author, new.key_id, new.action, new.subject_kind, new.at)
        is not (old.id, old.author_kind, old.author, old.key_id, old.action, old.subject_kind, old.at)
    or new.subject not in (old.subject, 'erased')
    or (new.changes <> '[]' and json(new.changes) <> (
        select json_group_array(json_set(c.value, '$.from', null, '$.to', null))
        from json_each(old.changes) c))
begin
    select raise(abort, 'the audit is only ever added to');
end;
create trigger audit_is_not_deleted before delete on audit begin
    select raise(abort, 'the audit is only ever added to');
end;
-- `insert or replace` deletes without a trigger.
create trigger audit_is_not_replaced before insert on audit
    when exists (select 1 from audit where id = new.id)
begin
    select raise(abort, 'the audit is only ever added to');
end;
