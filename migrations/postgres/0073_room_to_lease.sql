-- A delivery is leased moments after it was dealt out. With room on its page no index hears of it.

alter table deliveries set (fillfactor = 70);
