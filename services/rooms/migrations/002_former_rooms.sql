-- Names of rooms that are gone, or that this database never knew, and whose messages history may still have. The
-- creator of a room of such a name would own the messages of others, so only moderators may create one.
create table rooms.former (
  name text collate "C" primary key,
  since timestamptz not null default now()
);
create index former_by_age on rooms.former (since);

-- Whether this database was compared with the log. A new one is, since it may stand in the place of one that was lost, and
-- one from a backup is when an operator says so. One that is in use already knows its rooms.
create table rooms.origin (
  sole boolean primary key default true check (sole),
  compared boolean not null
);
insert into rooms.origin (compared)
  select exists (select from rooms.rooms) or exists (select from rooms.audit) or exists (select from rooms.policies);
