# PostgreSQL's image sources this script when it has created the database. The services log in as the owner of the database,
# which is no superuser. The superuser has no password afterwards, so that nobody can log in as superuser over the network.
psql -v ON_ERROR_STOP=1 -U postgres -d rabble -v password="${POSTGRES_PASSWORD:-$(cat "$POSTGRES_PASSWORD_FILE")}" <<'SQL'
create role rabble login password :'password';
alter database rabble owner to rabble;
alter role postgres password null;
SQL
