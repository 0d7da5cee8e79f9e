# A text-mode transfer is named as such.
# needs: sed
snapcat "file:$IMAGE" | sed 's/$/\r/' >text
status=0
snapverify --check <text 2>err || status=$?
[ $status = 3 ]
grep -q 'text-mode transfer' err
