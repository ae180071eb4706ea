-- The rooms of direct messages of each user, with the newest message of each: a user who was away learns here who wrote.
create table history.direct_rooms (
  user_id text collate "C" not null,
  room text collate "C" not null,
  -- Of the newest message; it may have been deleted since by the retention.
  last_id text collate "C" not null,
  sequence bigint not null,
  -- The time of that message, -infinity if PostgreSQL knows none.
  at timestamptz not null,
  primary key (user_id, room)
);

create index direct_rooms_by_time on history.direct_rooms (user_id, at desc);

insert into history.direct_rooms (user_id, room, last_id, sequence, at)
select distinct on (user_id, room) user_id, room, id, sequence, coalesce(at, '-infinity')
from history.messages, unnest(array[split_part(room, ':', 2), split_part(room, ':', 3)]) as users (user_id)
where room >= 'dm:' and room < 'dm;'
order by user_id, room, sequence desc;
