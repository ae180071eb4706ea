-- Messages that users reported to the moderators: see src/reports/reports.ts. A copy of the message, as it was then: its author
-- may change or delete it.
create table history.reports (
  id bigint generated always as identity primary key,
  message text collate "C" not null,
  room text collate "C" not null,
  author_id text collate "C" not null,
  author_name text not null,
  text text not null,
  -- Null: the time of the message is no time.
  at timestamptz,
  reporter_id text collate "C" not null,
  reporter_name text not null,
  reason text not null,
  reported_at timestamptz not null default now(),
  -- Null: open.
  closed_at timestamptz,
  closed_by_id text collate "C",
  closed_by_name text,
  outcome text,
  -- A user reports a message once.
  unique (message, reporter_id)
);
create index open_reports on history.reports (id) where closed_at is null;
create index reports_by_reporter on history.reports (reporter_id);
create index reports_by_author on history.reports (author_id);
