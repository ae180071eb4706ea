-- Up to which sequence a partition was stored by which moment, of the clock of the database. Retention goes by this and not by
-- the times in the messages, which are of many machines: one message with a wrong time must not take newer ones with it.
create table history.moments (
  partition smallint,
  sequence bigint,
  at timestamptz not null,
  primary key (partition, sequence)
);

-- Messages that are stored already are dated by their own times: the latest time so far of each thousand, so that a wrong
-- one among them deletes nothing too early.
insert into history.moments (partition, sequence, at)
select partition, sequence, least(now(), max(at) over (partition by partition order by sequence))
from (
  select partition, max(sequence) as sequence, max(at) as at from history.messages group by partition, sequence / 1000
) blocks;
