# Signed, and resumed only if it is; ssh-keygen makes the key, and revokes it.
# needs: ssh-keygen
TARGET="file:$IMAGE"
ssh-keygen -q -t ed25519 -N "" -C me -f mine
echo "me namespaces=\"snappipe\" $(cat mine.pub)" >allowed_signers
snapcat "$TARGET" | snapcompress | snapverify --sign mine >img
snapresume --trust allowed_signers --to file:back img
cmp back "$IMAGE"
snapverify --check --trust allowed_signers img >said
ssh-keygen -q -k -f revoked_keys mine.pub
snapverify --check --trust allowed_signers --revoked revoked_keys img || [ $? = 3 ]
if snapverify --check --trust allowed_signers --revoked revoked_keys img; then
    exit 1
fi

# Signed and encrypted, it is signed still when it comes back.
if command -v age-keygen >/dev/null; then
    age-keygen -o key 2>/dev/null
    age -r "$(age-keygen -y key)" <img >img.age
    age -d -i key <img.age | snapresume --trust allowed_signers --to file:again
    cmp again "$IMAGE"
fi
