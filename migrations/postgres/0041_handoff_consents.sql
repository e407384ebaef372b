-- Whoever tells of a decision finds it by what said it.
create index consent_changes_by_record on consent_changes (record_id) where record_id is not null;
