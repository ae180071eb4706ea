-- The look of a room's name (see skeletons of names): no room can be created whose name looks like that of another one.
-- Null until it is computed, for rooms from before this migration. Those stay, also if two look alike.
alter table rooms.rooms add column skeletons text[];
create index rooms_by_skeleton on rooms.rooms using gin (skeletons);
create index rooms_without_skeletons on rooms.rooms (name) where skeletons is null;
