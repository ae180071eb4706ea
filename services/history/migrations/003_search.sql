-- The search index. Filled behind the writer by src/jobs/indexing.ts, which splits texts into words, so that these don't
-- depend on the locale of the database, which under "C" knows capital letters in ASCII only.
create table history.search (
  -- The time of the message, -infinity if PostgreSQL knows none: the order of "newest first" over all partitions.
  at timestamptz not null,
  partition smallint not null,
  sequence bigint not null,
  -- The words of the text and, with a colon before them, the filters of a search: see src/search/search-document.ts.
  words tsvector not null,
  primary key (at, partition, sequence)
);

-- A short list of pending entries: a search reads all of it, and we insert many rows at a time anyway.
create index search_words on history.search using gin (words) with (gin_pending_list_limit = 256);

-- Up to where each partition is indexed.
create table history.search_positions (
  partition smallint primary key,
  sequence bigint not null
);

-- Messages that changed after they were indexed, or meanwhile.
create table history.search_stale (
  at timestamptz not null,
  partition smallint not null,
  sequence bigint not null,
  primary key (at, partition, sequence)
);

-- The order of the log: what follows a position, and the message of an entry. It ascends, so it costs the writer little.
create unique index messages_by_sequence on history.messages (partition, sequence);

-- A change or deletion of a text takes its words out of the index in the same transaction, by a trigger.
create function history.forget_words() returns trigger language plpgsql as $$
begin
  delete from history.search where at = coalesce(old.at, '-infinity') and partition = old.partition
    and sequence = old.sequence;
  -- A deleted message that has no entry may be getting one just now, by a transaction that still saw it.
  if tg_op = 'UPDATE' or not found then
    insert into history.search_stale (at, partition, sequence)
    values (coalesce(old.at, '-infinity'), old.partition, old.sequence) on conflict do nothing;
  end if;
  return null;
end $$;

create trigger text_changed after update of text on history.messages
  for each row when (old.text is distinct from new.text) execute function history.forget_words();
create trigger text_deleted after delete on history.messages
  for each row execute function history.forget_words();
