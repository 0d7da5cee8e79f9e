# Into a repository of restic and back.
# needs: restic
TARGET="file:$IMAGE"
export RESTIC_REPOSITORY="$PWD/repository" RESTIC_PASSWORD=secret RESTIC_CACHE_DIR="$PWD/cache"
restic init

snapcat "$TARGET" | snapcompress | snapverify | restic backup --stdin --stdin-filename img --tag part
restic tag --tag part --set whole latest
restic dump --tag whole latest img | snapresume --to file:back
cmp back "$IMAGE"

# One that is cut off does not take the place of the last whole one.
status=0
snapcat "$TARGET" | snapcompress | head -c 1000000 | snapverify | restic backup --stdin --stdin-filename img --tag part || status=$?
[ $status = 3 ]
restic dump --tag whole latest img | snapverify --check
