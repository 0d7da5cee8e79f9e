# Encrypted for one reader. What was tampered with does not come back.
# needs: age age-keygen script
TARGET="file:$IMAGE"
age-keygen -o key 2>/dev/null
to=$(age-keygen -y key)
snapcat "$TARGET" | snapcompress | snapverify | age -r "$to" >img.part
mv img.part img.age
age -d -i key <img.age | snapresume --to file:back
cmp back "$IMAGE"

head -c -100 img.age >short
status=0
age -d -i key <short 2>/dev/null | snapresume --to file:no 2>err || status=$?
[ $status = 3 ]
[ ! -e no ]

# A key with a passphrase, which is typed here on a terminal: once wrongly.
cat >asks <<'END'
age-keygen | age -p >key.age
END
cat >opens <<'END'
age -d -i key.age <img.age | snapresume --to file:back
END
printf 'secret\nsecret\n' | script -qec "bash -e -o pipefail asks" said
to=$(sed -n 's/.*Public key: \([a-z0-9]*\).*/\1/p' said)
snapcat "$TARGET" | snapcompress | snapverify | age -r "$to" >img.age
rm back
printf 'wrong\n' | script -qec "bash -e -o pipefail opens" said && exit 1
[ ! -e back ]
printf 'secret\n' | script -qec "bash -e -o pipefail opens" said
cmp back "$IMAGE"
