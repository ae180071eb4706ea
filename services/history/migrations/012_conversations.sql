-- What users have of rooms: see docs/decisions/0036-conversations-are-counted-by-ordinals.md.

-- The number of the message in its room. Null: the message is from before this migration, and counts as read.
alter table history.messages add column ordinal bigint;

-- Each room with a message or a member.
create table history.rooms (
  room text collate "C" primary key,
  partition smallint not null,
  -- The newest ordinal, and the last one that retention deleted.
  count bigint not null,
  retired bigint not null default 0,
  -- The newest message; it may have been deleted since by the retention. Null: there is none.
  last_id text collate "C",
  last_sequence bigint not null default 0,
  -- The time of that message, -infinity if PostgreSQL knows none.
  last_at timestamptz not null default '-infinity'
) with (fillfactor = 80);

-- A user in a room or in a direct conversation. Ends when the user leaves the room.
create table history.conversations (
  user_id text collate "C" not null,
  room text collate "C" not null,
  since timestamptz not null,
  -- The read position: the message, if there is one, its ordinal, and the sequence from which the user has not read.
  read_id text collate "C",
  read_ordinal bigint not null,
  read_sequence bigint not null,
  muted boolean not null default false,
  -- When the user last did something with it: guests who don't come back are forgotten.
  touched_at timestamptz not null default now(),
  primary key (user_id, room)
) with (fillfactor = 80);

-- Messages that mention a member who has not read them or, with the user '@room', all members.
create table history.mentions (
  user_id text collate "C" not null,
  room text collate "C" not null,
  sequence bigint not null,
  message text collate "C" not null,
  primary key (user_id, room, sequence)
);
-- Those of a message that was deleted, and of messages that retention deleted.
create index mentions_by_message on history.mentions (message);
create index mentions_by_room on history.mentions (room, sequence);

-- Direct conversations were listed by themselves.
insert into history.rooms (room, partition, count, last_id, last_sequence, last_at)
select distinct on (room) direct.room, partition, 0, last_id, direct.sequence, direct.at
from history.direct_rooms direct join history.messages on id = last_id order by room;
insert into history.conversations (user_id, room, since, read_id, read_ordinal, read_sequence)
select user_id, room, at, last_id, 0, sequence
from history.direct_rooms where room in (select room from history.rooms);
drop table history.direct_rooms;
