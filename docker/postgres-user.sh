# Run by PostgreSQL's image when it has made the database: the services sign in as its owner, who is no superuser. The
# superuser has no password afterwards, so that nobody is one over the network. (The image reads this, and does not start it.)
psql -v ON_ERROR_STOP=1 -U postgres -d rabble -v password="${POSTGRES_PASSWORD:-$(cat "$POSTGRES_PASSWORD_FILE")}" <<'SQL'
create role rabble login password :'password';
alter database rabble owner to rabble;
alter role postgres password null;
SQL
