#!/bin/sh
# Shows the tools at work on a live program: it is snapshotted while it runs,
# killed, and goes on where it was. Damage to the image is caught.
#
# The tools are on the PATH; PRIMES is the program in tests/demo/primes, for
# machines without python3.
set -eu

here=$(cd "${0%/*}" && pwd)
dir=$(mktemp -d)
program=
trap 'rm -rf "$dir"; [ -z "$program" ] || kill "$program" 2>/dev/null || :' EXIT
trap 'exit 1' INT TERM
cd "$dir"

. "$here/show.sh"

# Each line has a number that only this program's memory knows.
cat >primes.py <<'EOF'
import os, secrets, time
os.closerange(3, 1000)  # what the shell may have left open
token, primes, n = secrets.token_hex(4), [2], 2
while True:
    n += 1
    if all(n % p for p in primes):
        primes.append(n)
        print(f"memory {token}: prime number {len(primes)} is {n}", flush=True)
        time.sleep(0.1)
EOF

last() { tail -n 1 out; }
count() { last | sed 's/.*number \([0-9]*\) .*/\1/'; }
token() { last | sed 's/:.*//'; }

# wait_beyond waits until the program has found more than $1 primes.
wait_beyond() {
    tries=0
    while [ "$(count)" -le "$1" ]; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || fail "the program does not go on"
        sleep 0.1
    done
}

say "A live program, which looks for primes:"
if command -v python3 >/dev/null; then
    python3 primes.py </dev/null >>out 2>/dev/null &
else
    "$PRIMES" </dev/null >>out 2>/dev/null &
fi
program=$!
while ! [ -s out ]; do sleep 0.1; done
wait_beyond 10
echo "    pid $program: $(last)"

say "A snapshot of it, while it runs:"
run "snapcat -v process:$program | snapcompress | snapverify > img" || fail "there is no snapshot"
before=$(token)
wait_beyond "$(count)"
echo "    pid $program: $(last)"

say "A bit of a copy of the image is flipped, somewhere:"
flip
caught "snapresume copy" ": nothing was resumed"

say "The program is killed:"
kill -9 "$program"
wait "$program" 2>/dev/null || :
killed=$(last)
program=
echo "    $killed"

say "And resumed: it goes on where it was when the snapshot was taken."
lines=$(wc -l <out)
printf '  $ snapresume -v img\n'
snapresume -v img </dev/null >/dev/null 2>said &
program=$!
tries=0
while [ "$(wc -l <out)" = "$lines" ] && [ $tries -lt 300 ]; do
    kill -0 "$program" 2>/dev/null || { cat said; fail "it was not resumed"; }
    tries=$((tries + 1))
    sleep 0.1
done
sed 's/^/    /' said
echo "    $(sed -n "$((lines + 1))p" out)"
[ "$(token)" = "$before" ] || fail "this is another program"
wait_beyond "$(count)"
echo "    $(last)"
