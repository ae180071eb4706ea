-- The log, projected. A schema of its own, since services may share a database.
create schema history;

-- Every string of an event is stored in the form of src/text/storable.ts: unchanged, except for characters that
-- PostgreSQL can't hold.
create table history.messages (
  -- The order within a partition, which is the log's. It ascends, and has gaps where the log holds a message twice.
  sequence bigint not null,
  partition smallint not null,
  -- Null if PostgreSQL knows no such time; `extra` has the time of the event then.
  at timestamptz,
  -- Random, so its bytes in the order of bytes. Primary key: the log may hold a message twice, and the first counts.
  id text collate "C" primary key,
  room text collate "C" not null,
  sender_id text collate "C" not null,
  sender_name text not null,
  text text not null,
  via text collate "C" not null,
  cid text collate "C",
  reply_to text collate "C",
  -- JSON as the event had it. No json column: that one refuses what is nested deeply, and nobody asks for its parts.
  meta text,
  -- JSON: what the other columns can't give back, such as fields that a later version added.
  extra text
);

-- A page of a room, in either direction. A room is in one partition for ever, so its sequences are its order.
create index messages_by_room on history.messages (room, sequence);

-- Up to where each partition is projected. Moved in the transaction that writes the rows, and only from where the
-- writer believes it to be, so that two replicas can't both write a step.
create table history.positions (
  partition smallint primary key,
  -- Offset of the last batch of the log; null before the first.
  log_offset bigint,
  -- The last sequence given to a message.
  sequence bigint not null default 0,
  updated_at timestamptz not null default now()
);

-- Messages that PostgreSQL refused for a reason that we didn't foresee: kept, with their place, for somebody to look at.
create table history.refused (
  partition smallint not null,
  sequence bigint not null,
  line bytea not null,
  reason text not null,
  refused_at timestamptz not null default now(),
  primary key (partition, sequence)
);
