# Encrypted by a cipher that does not notice damage: we do.
# needs: openssl
crypt() { openssl enc -aes-256-ctr -pbkdf2 -pass pass:secret "$@"; }
snapcat "file:$IMAGE" | snapcompress | snapverify | crypt >img.enc
crypt -d <img.enc | snapresume --to file:back
cmp back "$IMAGE"

printf x | dd of=img.enc bs=1 seek=1000000 conv=notrunc status=none
status=0
crypt -d <img.enc | snapverify --check >said 2>err || status=$?
[ $status = 3 ]
