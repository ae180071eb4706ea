-- Names this database in positions of the feed: in another one, made anew or of another cluster, equal sequences mean other events.
create table history.identity (
  id text not null
);
insert into history.identity (id) values (substr(md5(gen_random_uuid()::text), 1, 12));

-- The highest sequence of the events that retention has deleted, by partition. A reader that was not beyond it has missed some.
create table history.retired (
  partition smallint primary key,
  sequence bigint not null
);

-- The order of the log, as messages_by_sequence has it.
create unique index changes_by_sequence on history.changes (partition, sequence);
