-- Browsers that get notifications while the page is closed: see docs/decisions/0040-pushes-follow-the-stored-messages.md.
create table history.push_subscriptions (
  -- The address at the push service. It is a secret, and names the browser: the last user who signed in there has it.
  endpoint text collate "C" primary key,
  user_id text collate "C" not null,
  -- Keys of the browser, base64url.
  p256dh text not null,
  auth text not null,
  created_at timestamptz not null default now(),
  -- When the page of the user was last open in this browser.
  confirmed_at timestamptz not null default now(),
  -- When the push service last accepted a push, and how often in a row it has refused one since.
  accepted_at timestamptz,
  refusals integer not null default 0
);
create index push_subscriptions_by_user on history.push_subscriptions (user_id);
create index push_subscriptions_by_confirmation on history.push_subscriptions (confirmed_at);

-- The sequence up to which the messages of each partition were pushed. A partition gets its row when pushes are configured for
-- the first time.
create table history.push_positions (
  partition smallint primary key,
  sequence bigint not null,
  updated_at timestamptz not null default now()
);
