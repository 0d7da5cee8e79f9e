# Encrypted for one reader. What was tampered with does not come back.
# needs: age age-keygen
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
