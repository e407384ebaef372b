-- What lists are read by where two conditions meet, where it costs intake nothing.

create index requests_by_channel_and_outcome on requests (channel_id, outcome, id)
    where outcome <> 'accepted';
create index work_items_taken on work_items (state, id)
    where state in ('pending_accept', 'accepted');
