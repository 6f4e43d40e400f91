# PostgreSQL from nothing: a cluster is made, and its server runs until it is told to stop.
set -e
initdb -D /tmp/pg -U postgres --auth=trust --locale=C --encoding=UTF8 >/tmp/initdb.log || { cat /tmp/initdb.log; exit 1; }
echo 'host all all 0.0.0.0/0 trust' >>/tmp/pg/pg_hba.conf
exec postgres -D /tmp/pg -k /tmp -c listen_addresses='*'
