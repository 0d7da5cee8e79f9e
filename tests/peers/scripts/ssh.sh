# To another host and back, by an sshd of its own on loopback.
# needs: ssh sshd ssh-keygen
TARGET="file:$IMAGE"
server=
made=
end() {
    if [ -n "$server" ]; then
        kill "$server" || :
        wait "$server" || :
    fi
    if [ -n "$made" ]; then rmdir "$made"; fi
}
trap end EXIT
if [ "$(id -u)" = 0 ] && [ ! -d /run/sshd ]; then
    mkdir -m 755 /run/sshd # sshd as root insists on it
    made=/run/sshd
fi
mkdir far
ssh-keygen -q -t ed25519 -N '' -f hostkey
ssh-keygen -q -t ed25519 -N '' -f userkey
cat >sshd_config <<CONFIG
ListenAddress 127.0.0.1
HostKey $PWD/hostkey
AuthorizedKeysFile $PWD/userkey.pub
PidFile none
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
ForceCommand cd '$PWD/far' && PATH='$PATH' && eval "\$SSH_ORIGINAL_COMMAND"
CONFIG
for port in $(seq 20100 20150); do
    "$(command -v sshd)" -D -e -f sshd_config -p "$port" 2>sshd.log &
    server=$!
    sleep 0.3
    if kill -0 "$server" 2>/dev/null; then break; fi
done
echo "host $(cat hostkey.pub)" >known
cat >ssh_config <<CONFIG
Host host
HostName 127.0.0.1
HostKeyAlias host
Port $port
User $(id -un)
IdentityFile $PWD/userkey
IdentitiesOnly yes
UserKnownHostsFile $PWD/known
BatchMode yes
ConnectionAttempts 20
CONFIG
ssh() { command ssh -F ssh_config "$@"; }

snapcat "$TARGET" | snapcompress | ssh host 'snapverify -o img'
ssh host cat img | snapresume --to file:back
cmp back "$IMAGE"

status=0
snapcat "$TARGET" | snapcompress | head -c 1000000 | ssh host 'snapverify -o cut' || status=$?
[ $status = 3 ]
[ ! -e far/cut ]
