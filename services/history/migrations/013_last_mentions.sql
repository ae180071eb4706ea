-- The sequence of the newest message that mentions the user; 0: none. A user whose position is beyond it has no row in mentions.
alter table history.conversations add column mention_sequence bigint not null default 0;

update history.conversations set mention_sequence = newest.sequence
from (select user_id, room, max(sequence) as sequence from history.mentions group by user_id, room) as newest
where (conversations.user_id, conversations.room) = (newest.user_id, newest.room);
