-- The database in which rooms.origin was compared with the log, as PostgreSQL names it. A database that was restored from a
-- backup, or put back to an earlier time, has another name than the one that stands in the backup, so it is compared again.
-- Null: not known yet; the database that is in use is taken for the one that was compared.
alter table rooms.origin add column identity text;
