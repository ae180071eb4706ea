-- The reactions of a user, for an export of the user's data, or its erasure.
create index reactions_by_user on history.reactions (user_id, message, emoji);
