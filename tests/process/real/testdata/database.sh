# A database, and a session with a transaction that is under way, which is told by a FIFO what to do.
cd "$1" || exit 1
postgres -D data -k "$1" -c listen_addresses= -c fsync=off -c shared_buffers=4MB &
until psql -Xqc 'create table if not exists numbers (n int)' 2>/dev/null; do
	kill -0 $! || exit 1
	sleep 0.1
done
mkfifo commands
exec 3<>commands
echo "create temporary table mine (n int); begin; insert into numbers values (1); select 'begun';" >&3
psql -XAtqf - <&3 >answers 2>&1 || exit 2
psql -XAtqc 'select n from numbers order by n' >result || exit 3
kill -INT %1
wait %1
