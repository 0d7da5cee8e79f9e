# Signed by a key in a TPM, which ssh-agent has by PKCS #11; the TPM is an emulated one.
# needs: swtpm tpm2-abrmd tpm2_ptool dbus-daemon ssh-agent ssh-keygen
TARGET="file:$IMAGE"
module=/usr/lib/x86_64-linux-gnu/libtpm2_pkcs11.so.1
[ -e "$module" ] || { echo "there is no $module"; exit 77; }
pids=
here=$(mktemp -d /tmp/tpm.XXXXXX) # a path that a socket's name can have
trap 'kill $pids; rm -r "$here"' EXIT
mkdir state store

# A TPM has room for few objects: tpm2-abrmd, or the kernel for a real one, takes turns.
swtpm socket --tpm2 --tpmstate dir="$PWD/state" --ctrl type=unixio,path="$here/tpm.ctrl" --server type=unixio,path="$here/tpm" --flags not-need-init,startup-clear &
pids="$pids $!"
dbus-daemon --session --nofork --nopidfile --address="unix:path=$here/bus" 2>/dev/null &
pids="$pids $!"
export DBUS_SESSION_BUS_ADDRESS="unix:path=$here/bus"
timeout 60 sh -c "until [ -S '$here/tpm' ] && [ -S '$here/bus' ]; do sleep 0.1; done"
tpm2-abrmd --allow-root --session --tcti=swtpm:path="$here/tpm" 2>/dev/null &
pids="$pids $!"
export TPM2TOOLS_TCTI=tabrmd:bus_type=session TPM2_PKCS11_TCTI=tabrmd:bus_type=session TPM2_PKCS11_STORE="$PWD/store"
timeout 60 sh -c 'until tpm2_getcap properties-fixed >/dev/null 2>&1; do sleep 0.1; done'

so=secret pin=1234
eval "$(ssh-agent)" >/dev/null
pids="$pids $SSH_AGENT_PID"
printf '#!/bin/sh\necho %s\n' "$pin" >asked
chmod +x asked
export SSH_ASKPASS="$PWD/asked" SSH_ASKPASS_REQUIRE=force
tpm2_ptool init
tpm2_ptool addtoken --pid 1 --sopin "$so" --userpin "$pin" --label images
tpm2_ptool addkey --algorithm ecc256 --label images --userpin "$pin" --key-label owner
ssh-keygen -D "$module" >owner.pub
ssh-add -s "$module"
echo "owner namespaces=\"snappipe\" $(cat owner.pub)" >allowed_signers
snapcat "$TARGET" | snapcompress | snapverify --sign owner.pub >img
snapresume --trust allowed_signers --to file:back img
cmp back "$IMAGE"
ssh-add -e "$module"
if snapverify --sign owner.pub -o none img; then
    exit 1
fi
