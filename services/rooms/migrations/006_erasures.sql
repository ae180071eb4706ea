-- Users whose data is being erased, or was. The messages are history's part, which asks for the rows that are due.
create table rooms.erasures (
  user_id text collate "C" primary key,
  requested_by text collate "C" not null,
  requested_at timestamptz not null default now(),
  -- Until when nobody may come in as this user. History looks again until then.
  barred_until timestamptz not null,
  -- What history has erased, as far as it has reported.
  messages bigint not null default 0,
  reactions bigint not null default 0,
  conversations bigint not null default 0,
  -- Null: under way.
  finished_at timestamptz,
  -- When history is to look for more. Null: never again.
  due_at timestamptz default now()
);
create index due_erasures on rooms.erasures (due_at) where due_at is not null;

create index sessions_by_user on rooms.sessions (user_id);
