-- Whether the members of a room see how far the others have read.
alter table rooms.rooms add column receipts boolean not null default true;
