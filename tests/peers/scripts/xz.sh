# xz compresses the whole stream.
# needs: xz
snapcat "file:$IMAGE" | snapverify | xz -0 >img.xz
xz -d <img.xz | snapresume --to file:back
cmp back "$IMAGE"
