# A filter that is not in Go and knows format/SPEC.md alone, between the tools.
# needs: python3
PATH=$CONTRIB:$PATH
TARGET="file:$IMAGE"
snapcat "$TARGET" >plain
snapcat "$TARGET" | snapnote 'before the upgrade' | snapcompress | snapverify >img
snapverify --check img
snapcat "$TARGET" | snapcompress | snapnote 'before the upgrade' | snapcompress --codec lz4 | snapverify >recoded
for stream in img recoded; do
    snapverify --check --list $stream | grep -A1 '^ *0 ' | tail -n 1 | grep -i c001
    [ "$(grep -a -c 'before the upgrade' $stream)" = 1 ]
    snapresume --to file:back $stream
    cmp back "$IMAGE"
    rm back
    python3 "$CONTRIB/../tests/vectors/reader.py" $stream >said
    grep "^good: .* $(sha256sum <"$IMAGE" | cut -d' ' -f1)" said
done

# Where the frame is not what it was, that is seen.
sed 's/before the upgrade/before the upgrode/' img >patched
status=0
snapverify --check patched 2>said || status=$?
[ $status = 3 ]

# It hides no damage, and no frame that is lost.
snapverify <plain | snapverify --check --list >list
read -r first second < <(awk '$1 == 1 { first = $2 } $1 == 2 { print first, $2; exit }' list)
{ head -c "$first" plain; tail -c +$((second + 1)) plain; } >lost
{ head -c 70 plain; printf '~'; tail -c +72 plain; } >changed
size=$(stat -c %s plain)
for bad in 'cat lost' 'cat changed' 'head -c 100 plain' "head -c $((size - 1)) plain" 'cat plain plain'; do
    set +e
    $bad | snapnote x 2>/dev/null | snapverify >/dev/null 2>&1
    status=$?
    set -e
    [ $status = 3 ] || { echo "$bad: status $status"; exit 1; }
done

# What the head refuses is refused at the end, and this adds nothing to it.
mkfifo refused
status=0
snapcat file:refused 2>said | snapnote x 2>>said | snapverify >none 2>>said || status=$?
[ $status = 4 ]
[ "$(grep -c . said)" = 1 ]
