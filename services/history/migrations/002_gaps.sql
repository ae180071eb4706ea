-- Events are missing between what has a sequence <= `sequence` and what has a higher one: the log no longer had them when
-- they were to be read. Written in the transaction of the first step after the gap.
create table history.gaps (
  partition smallint,
  sequence bigint,
  -- The offset that should have come next, and the one that did. A lower one: the log was lost, and starts over.
  expected bigint,
  found bigint,
  noticed_at timestamptz not null default now(),
  primary key (partition, sequence)
);

-- The id of the last event of the batch at log_offset, by which the log is known again: an offset alone means nothing in
-- a log that was lost and made anew. Null before the first batch, and if that batch holds no event.
alter table history.positions add column last_id text collate "C";
