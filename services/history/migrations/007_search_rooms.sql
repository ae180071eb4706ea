-- The room of each entry, by which a search leaves out rooms that the caller may not read, however many there are.
alter table history.search add column room text collate "C";
update history.search set room = messages.room from history.messages
  where (messages.partition, messages.sequence) = (search.partition, search.sequence);
-- An entry whose message was just being deleted.
delete from history.search where room is null;
alter table history.search alter column room set not null;
