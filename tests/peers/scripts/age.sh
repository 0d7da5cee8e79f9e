# Encrypted for one reader. What was tampered with does not come back.
# needs: age age-keygen
age-keygen -o key 2>/dev/null
to=$(age-keygen -y key)
snapcat "file:$IMAGE" | snapcompress | snapverify | age -r "$to" >img.age
age -d -i key <img.age | snapresume --to file:back
cmp back "$IMAGE"

head -c -100 img.age >short
status=0
age -d -i key <short 2>/dev/null | snapresume --to file:no 2>err || status=$?
[ $status = 3 ]
[ ! -e no ]
