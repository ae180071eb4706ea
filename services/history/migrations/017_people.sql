-- Presence of people: see docs/decisions/0045-presence-of-people-is-gossip.md.
-- Whether others see if the user is here.
alter table history.privacy add column presence boolean not null default true;

-- When the last session of a user at a gateway ended. Not of users who hide whether they are here.
create table history.seen (
  user_id text collate "C" primary key,
  seen_at timestamptz not null
);
