-- A longer list of pending entries: its entries are merged into the index in larger groups, which costs PostgreSQL a quarter less
-- for each message. A search reads the whole list, which takes at most a few milliseconds more.
alter index history.search_words set (gin_pending_list_limit = 4096);
