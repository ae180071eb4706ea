-- Whether every member of a room may mention all others, and not its owner and moderators alone.
alter table rooms.rooms add column mention_all boolean not null default false;
