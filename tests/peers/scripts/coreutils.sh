# dd, tee, split, base64 and their like.
# needs: dd tee split base64 sha256sum
snapcat "file:$IMAGE" | snapcompress | snapverify | tee img | dd bs=7777 2>/dev/null | base64 | base64 -d > through
cmp through img
split -b 1000000 img part.
cat part.* | snapresume --to file:back
cmp back "$IMAGE"
[ "$(snapcat --raw "file:$IMAGE" | sha256sum)" = "$(sha256sum <"$IMAGE")" ]

# By way of FIFOs.
mkfifo a b
snapcat -o a "file:$IMAGE" &
snapcompress --codec s2 <a -o b &
snapverify -o small <b
snapresume --to file:back2 small
cmp back2 "$IMAGE"
