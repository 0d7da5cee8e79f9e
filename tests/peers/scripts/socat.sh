# The whole pipeline across a TCP connection.
# needs: socat
listen() {
    socat -u -lf log -d -d TCP-LISTEN:0,bind=127.0.0.1 STDOUT | snapverify -o img &
    until port=$(sed -n 's/.*listening on AF=2 127.0.0.1:\([0-9]*\).*/\1/p' log 2>/dev/null) && [ -n "$port" ]; do
        sleep 0.05
    done
}
listen
snapcat "file:$IMAGE" | snapcompress | snapverify | socat -u STDIN "TCP:127.0.0.1:$port"
wait $!
snapresume --to file:back img
cmp back "$IMAGE"

# A connection that breaks leaves no file.
rm img log
listen
snapcat "file:$IMAGE" | head -c 1000000 | socat -u STDIN "TCP:127.0.0.1:$port" || true
status=0
wait $! || status=$?
[ $status = 3 ]
[ ! -e img ]
