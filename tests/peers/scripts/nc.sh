# The whole pipeline across a TCP connection, by nc.
# needs: nc
if ! nc -h 2>&1 | grep -q -- '-N'; then
    echo "this nc has no -N: it does not pass on the end of its input"
    exit 77
fi
for port in $(seq 20000 20050); do
    nc -l -N 127.0.0.1 "$port" </dev/null 2>err | snapverify -o img 2>/dev/null &
    sleep 0.3
    if [ ! -s err ]; then break; fi
done
snapcat "file:$IMAGE" | snapcompress | nc -N 127.0.0.1 "$port"
wait $!
snapresume --to file:back img
cmp back "$IMAGE"
