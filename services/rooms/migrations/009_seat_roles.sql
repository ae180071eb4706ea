-- Whether the user is in the room with the role of a moderator: other members see it.
alter table rooms.seats add column moderator boolean not null default false;
