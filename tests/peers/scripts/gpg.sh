# Encrypted for one reader, by OpenPGP. What was tampered with does not come back.
# needs: gpg gpgconf
TARGET="file:$IMAGE"
GNUPGHOME=$(mktemp -d) # a path that a socket's name can have
export GNUPGHOME
trap 'gpgconf --kill all; rm -rf "$GNUPGHOME"' EXIT
to=reader@example.com
printf 'batch\ntrust-model always\n' >"$GNUPGHOME/gpg.conf"
gpg --quiet --passphrase "" --quick-generate-key "$to" default default never 2>/dev/null
snapcat "$TARGET" | snapcompress | snapverify | gpg --quiet --encrypt --recipient "$to" --compress-algo none >img.part
mv img.part img.gpg
gpg --quiet --decrypt img.gpg | snapresume --to file:back
cmp back "$IMAGE"

# With a passphrase.
snapcat "$TARGET" | snapverify | gpg --quiet --pinentry-mode loopback --passphrase secret --symmetric >img.sym
gpg --quiet --pinentry-mode loopback --passphrase secret --decrypt img.sym | snapresume --to file:again
cmp again "$IMAGE"

head -c -100 img.gpg >short
status=0
gpg --quiet --decrypt short | snapresume --to file:no 2>err || status=$?
[ $status = 3 ] || [ $status = 2 ] # pipefail: gpg's, if that comes last
[ ! -e no ]
