-- Edits and deletions. They have sequences of the same counter as messages, so that both stand in one order. They are
-- applied to the message in the transaction that stores them. Clients that resume get the rows of this table.
create table history.changes (
  sequence bigint not null,
  partition smallint not null,
  -- A client may resume from a change as from a message. Primary key: the log may hold it twice, and the first counts.
  id text collate "C" primary key,
  room text collate "C" not null,
  -- The id of the message, which need not be stored.
  message text collate "C" not null,
  -- The line of the log, of the newest change of each message only: what was edited away or deleted is kept nowhere.
  -- Null for all others, and for a change that changed nothing.
  line text
);

create index changes_by_room on history.changes (room, sequence);
-- The change whose line a newer one takes away.
create index changes_by_message on history.changes (message) where line is not null;

-- JSON of who changed the message last and when, or of who deleted it.
alter table history.messages add column edited text, add column deleted text;
