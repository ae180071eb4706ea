-- Up to where the events of each partition were sent to the webhook, as history.positions says it of the projection. A partition
-- gets its row when a webhook is configured for the first time.
create table history.webhook_positions (
  partition smallint primary key,
  log_offset bigint,
  last_id text collate "C",
  updated_at timestamptz not null default now()
);
