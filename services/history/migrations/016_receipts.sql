-- What users don't show to others: see docs/decisions/0044-receipts-are-asked-for.md. Users without a row show everything.
create table history.privacy (
  user_id text collate "C" primary key,
  -- Whether others see how far the user has read.
  receipts boolean not null,
  touched_at timestamptz not null default now()
);

-- The members of a room, for their read positions.
create index conversations_by_room on history.conversations (room, user_id);
