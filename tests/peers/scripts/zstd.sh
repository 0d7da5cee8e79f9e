# The uncompressed stream in the hands of zstd; and what our own codec makes.
# needs: zstd
snapcat "file:$IMAGE" | zstd -q -1 >img.zst
zstd -q -d <img.zst | snapverify | snapresume --to file:back
cmp back "$IMAGE"
snapcat "file:$IMAGE" | snapcompress | snapverify | zstd -q | zstd -q -d | snapverify --check >said
grep -q '^checksums: *SHA-256, all right' said
