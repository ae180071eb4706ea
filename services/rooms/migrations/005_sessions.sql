-- Sessions of browsers, each of which has a cookie. `id` is the hash of the cookie, so nobody who reads this table has one.
create table rooms.sessions (
  id text collate "C" primary key,
  user_id text collate "C" not null,
  name text not null,
  guest boolean not null,
  -- Roles of an account, as its provider named them at the sign-in.
  roles text[] not null default '{}',
  -- Address or IPv6 network from which the session began: one address may have a limited number of guests.
  network text collate "C" not null,
  created_at timestamptz not null default now(),
  used_at timestamptz not null default now(),
  -- When the session ends if it is not used before.
  expires_at timestamptz not null,
  -- When the session ends even if it is used. Null: never.
  ends_at timestamptz
);
create index sessions_by_end on rooms.sessions (expires_at);
create index guest_sessions_by_network on rooms.sessions (network, used_at desc) where guest;
create index guest_sessions_by_use on rooms.sessions (used_at desc) where guest;

-- Until when a guest's name is reserved by its session, whether the guest is connected or not.
alter table rooms.names add column reserved_until timestamptz;
