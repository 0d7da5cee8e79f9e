# To object storage and back, by rclone's own server on loopback.
# needs: rclone
TARGET="file:$IMAGE"
export RCLONE_CONFIG="$PWD/rclone.conf"
: >rclone.conf
mkdir far
for port in $(seq 20200 20250); do
    rclone serve webdav --addr "127.0.0.1:$port" far 2>server.log &
    server=$!
    sleep 1
    if kill -0 "$server" 2>/dev/null; then break; fi
done
trap 'kill "$server"; wait "$server" || :' EXIT
printf '[store]\ntype = webdav\nurl = http://127.0.0.1:%s\nvendor = other\n' "$port" >rclone.conf
until rclone --retries 1 --low-level-retries 1 lsf store: 2>/dev/null; do
    kill -0 "$server"
    sleep 0.2
done

snapcat "$TARGET" | snapcompress | snapverify | rclone rcat store:img.part
rclone moveto store:img.part store:img
[ "$(ls far)" = img ]
rclone cat store:img | snapresume --to file:back
cmp back "$IMAGE"

status=0
snapcat "$TARGET" | snapcompress | head -c 1000000 | snapverify | rclone rcat store:img.part || status=$?
[ $status = 3 ]
status=0
rclone cat store:img.part | snapresume --to file:no || status=$?
[ $status = 3 ]
[ ! -e no ]
