-- JSON of what is added to a message with reactions: their counts and users by emoji, and the id of the last one.
alter table history.messages add column reactions text;

-- How often each user has reacted to a message with an emoji: odd, and the reaction is there. It tells the next id of a reaction, so
-- the row stays when the reaction is taken back. Messages take their rows with them.
create table history.reactions (
  message text collate "C" not null references history.messages (id) on delete cascade,
  emoji text collate "C" not null,
  user_id text collate "C" not null,
  revision integer not null,
  primary key (message, emoji, user_id)
);

-- Whether the change is a reaction. The newest reaction of a message keeps its line, besides the newest edit.
alter table history.changes add column reaction boolean not null default false;
