-- What lists are read by, where it costs intake nothing.

-- Interactions of a time are found by their places: those ascend with it.
drop index interactions_by_opening;
-- Most are messaging; those are found by walking.
create index interactions_by_type on interactions (type, seq) where type <> 'messaging';
-- Nearly all requests are accepted.
create index requests_by_outcome on requests (outcome, id) where outcome <> 'accepted';
create index audit_by_subject_kind on audit (subject_kind, id);
create index audit_by_author_kind on audit (author_kind, id);
create index deliveries_by_sink on deliveries (sink_id, id);
create index search_names_by_kind on search_names (kind, place);
