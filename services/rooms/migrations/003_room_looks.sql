-- What a room's name looks like (see skeletons of names): no room comes to be that looks like another one. Null until it is
-- worked out, for rooms that were there before; those stay, also where two look alike.
alter table rooms.rooms add column skeletons text[];
create index rooms_by_skeleton on rooms.rooms using gin (skeletons);
create index rooms_without_skeletons on rooms.rooms (name) where skeletons is null;
