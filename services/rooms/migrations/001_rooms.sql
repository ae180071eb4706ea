-- Rooms, seats, names, bans and mutes. A schema of its own, since services may share a database.
create schema rooms;

-- Rooms that somebody created, or that appeared when somebody joined them.
create table rooms.rooms (
  name text collate "C" primary key,
  topic text not null default '',
  -- Name and topic as a search compares them; see `foldedOf`.
  folded text collate "C" not null,
  -- Users that may be in the room at a time; null is any number.
  capacity integer check (capacity > 0),
  access text not null default 'open' check (access in ('open', 'invite')),
  -- Whether a user may be in the room with one session only.
  single boolean not null default false,
  -- Whether joins and leaves are told as messages of the system.
  announce boolean not null default false,
  -- Retention of history: milliseconds and messages. Null: the setting for all rooms.
  retention_age bigint check (retention_age > 0),
  retention_messages bigint check (retention_messages > 0),
  -- Null for a room that appeared by itself.
  created_by text collate "C",
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- When a room that appeared by itself was first found empty; it is forgotten a day later.
  empty_since timestamptz
);
create index open_rooms on rooms.rooms (name) where access = 'open';
create index rooms_by_creator on rooms.rooms (created_by, name) where access = 'invite';
create index rooms_with_retention on rooms.rooms (name)
  where retention_age is not null or retention_messages is not null;

-- All sequences of one to three characters in a text, by which an index finds any part of it. Not only of three, since in
-- many scripts one or two characters are a word.
create function rooms.pieces(value text) returns text[] language sql immutable strict parallel safe as $$
  select array(
    select unnest(array[substr(value, first, 1), substr(value, first, 2), substr(value, first, 3)])
    from generate_series(1, length(value)) first
  )
$$;
create index rooms_by_piece on rooms.rooms using gin (rooms.pieces(folded));

create table rooms.invitations (
  room text collate "C" references rooms.rooms on delete cascade,
  user_id text collate "C",
  invited_by text collate "C" not null,
  invited_at timestamptz not null default now(),
  primary key (room, user_id)
);
create index invitations_by_user on rooms.invitations (user_id, room);

-- A gateway that renews its lease is alive. Unlogged, like all that belongs to it: if the server crashes they are empty,
-- and every gateway takes its lease and its seats anew. As long as the row is there the seats are, and it may be renewed;
-- any replica that finds it expired may take both away. `-infinity` says that they are being taken away.
create unlogged table rooms.leases (
  gateway text collate "C" primary key,
  expires_at timestamptz not null,
  -- Calls of the gateway up to this number have been answered or given up: one that comes late does nothing.
  settled bigint not null default 0
);

-- A user is in a room through a gateway, with at least one session there.
create unlogged table rooms.seats (
  room text collate "C",
  user_id text collate "C",
  gateway text collate "C",
  user_name text not null,
  primary key (room, user_id, gateway)
);
create index seats_by_gateway on rooms.seats (gateway, room);

-- Users of each room that has any. A change of a room's seats locks its row first, rooms in the order of their
-- names, so that no two transactions wait for each other. `version` grows with each change, also after the row was gone
-- for a while or the server crashed: its sequence survives both. `changed` is the transaction, which tells what others
-- can't have seen yet.
create sequence rooms.presence_versions;
create unlogged table rooms.presence (
  room text collate "C" primary key,
  users integer not null default 0 check (users >= 0),
  version bigint not null default nextval('rooms.presence_versions'),
  changed xid8 not null default pg_current_xact_id()
);
create index presence_by_users on rooms.presence (users desc, room) where users > 0;

-- Holders of names, by the look of the name: names that can be taken for each other have a skeleton in common, of one or two
-- each. A name is held until `expires_at`: either kept for a user who signed in with it, or as long as a gateway holds it for
-- a guest who said hello.
create table rooms.names (
  skeleton text collate "C" primary key,
  name text not null,
  user_id text collate "C" not null,
  kept boolean not null,
  expires_at timestamptz not null
);
create index names_by_user on rooms.names (user_id);
create index names_by_end on rooms.names (expires_at);

create unlogged table rooms.name_holders (
  gateway text collate "C",
  user_id text collate "C",
  primary key (gateway, user_id)
);
create index name_holders_by_user on rooms.name_holders (user_id);

-- Bans and mutes, one of each kind for a user and a place.
create table rooms.restrictions (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('ban', 'mute')),
  user_id text collate "C" not null,
  -- Null is everywhere.
  room text collate "C",
  reason text not null default '',
  by_id text collate "C" not null,
  by_name text not null,
  created_at timestamptz not null default now(),
  -- Null is for good.
  expires_at timestamptz
);
create unique index restrictions_by_user on rooms.restrictions (user_id, kind, coalesce(room, ''));
create index restrictions_by_room on rooms.restrictions (room, id) where room is not null;
create index restrictions_by_expiry on rooms.restrictions (expires_at) where expires_at is not null;

-- Policies that gateways must know without asking: rooms with limits of access or capacity, bans and
-- mutes. Gateways keep a copy and fetch what has a higher version than theirs; `entry` is null for what no longer holds.
create table rooms.policies (
  key text collate "C" primary key,
  version bigint not null unique,
  entry text,
  -- Whether it only tells that something ended, and may be dropped after a day.
  passing boolean not null,
  changed_at timestamptz not null default now()
);
create index passing_policies on rooms.policies (changed_at) where passing;
-- The last version. A change of a policy updates this row first, so versions become visible in their order. Entries that
-- are older than `forgotten` may have been dropped: a copy that is older is fetched anew.
create table rooms.policy_version (
  sole boolean primary key default true check (sole),
  version bigint not null,
  forgotten bigint not null default 0
);
insert into rooms.policy_version (version) values (0);

create table rooms.audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  actor_id text collate "C" not null,
  actor_name text not null,
  -- Such as `ban`, `unban`, `mute`, `unmute`, `kick`, `room.create`, `publish`, `login.refused`.
  action text collate "C" not null,
  room text collate "C",
  user_id text collate "C",
  -- JSON.
  detail text
);
create index audit_by_actor on rooms.audit (actor_id, id);
create index audit_by_user on rooms.audit (user_id, id) where user_id is not null;
create index audit_by_room on rooms.audit (room, id) where room is not null;
create index audit_by_action on rooms.audit (action, id);
