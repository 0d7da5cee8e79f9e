# The unit of contrib that keeps the last three images.
# needs: xargs
unit=$CONTRIB/systemd/snappipe-keep@.service
export TARGET="file:$IMAGE"
command=$(sed -n "s|^ExecStart=/usr/local/bin/|$CONTRIB/systemd/|p" "$unit")
mkdir state units
keep() { (cd state && exec sh -c "${command//%i/name}"); }
newest() { printf '%s\n' state/* | tail -n 1; }

keep
keep
second=$(newest)
keep
third=$(newest)
keep
keep
[ ! -e "$second" ]
[ -e "$third" ]
kept=$(ls state)
[ "$(wc -l <<<"$kept")" = 3 ]
snapresume --to file:back "$(newest)"
cmp back "$IMAGE"

# A failure leaves those that were there.
status=0
TARGET=file:missing keep || status=$?
[ $status != 0 ]
[ "$(ls state)" = "$kept" ]

if ! command -v systemd-analyze >/dev/null; then
    echo "the units are not verified, but all else is well: systemd-analyze is not installed"
    exit 77
fi
sed "s|/usr/local/bin/|$CONTRIB/systemd/|" "$unit" >units/snappipe-keep@.service
cp "$CONTRIB/systemd/snappipe-keep@.timer" units
systemd-analyze verify --man=no units/snappipe-keep@name.service units/snappipe-keep@name.timer 2>said
if grep snappipe said; then exit 1; fi
