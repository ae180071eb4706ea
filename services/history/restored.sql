-- Run on the tables of history when they were restored from a backup, before history starts: docker/restore.
--
-- Sequences that were given after the backup are not given again: clients keep the state of a conversation with the highest one, and
-- programs go on behind the last one that they had.
update history.positions set sequence = sequence + 4294967296;

-- Nothing of the backup is pushed, in whatever time. A backup of an early version has no such table.
do $$ begin
  if to_regclass('history.push_positions') is not null then
    update history.push_positions as pushed set sequence = positions.sequence
    from history.positions where positions.partition = pushed.partition;
  end if;
end $$;
