# Encrypted by a cipher that does not notice damage: we do.
# needs: openssl
TARGET="file:$IMAGE"
(umask 077 && echo secret >pass)
snapcat "$TARGET" | snapcompress | snapverify | openssl enc -aes-256-ctr -pbkdf2 -pass file:pass >img.part
mv img.part img.enc
openssl enc -d -aes-256-ctr -pbkdf2 -pass file:pass <img.enc | snapresume --to file:back
cmp back "$IMAGE"

printf x | dd of=img.enc bs=1 seek=1000000 conv=notrunc status=none
status=0
openssl enc -d -aes-256-ctr -pbkdf2 -pass file:pass <img.enc | snapverify --check >said 2>err || status=$?
[ $status = 3 ]
