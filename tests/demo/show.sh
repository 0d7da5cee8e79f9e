# What the demonstrations share: how they show what they do. The script that
# reads this has $here, the directory that it is in.
# shellcheck shell=sh

say() { printf '\n%s\n' "$*"; }

# run shows a command and what it says.
run() {
    printf '  $ %s\n' "$*"
    status=0
    sh -c "$*" >said 2>&1 || status=$?
    sed 's/^/    /' said
    return $status
}

fail() {
    echo "demo: $*" >&2
    exit 1
}

# flip makes copy a copy of img in which a bit is flipped, at a random byte
# that it leaves in $at.
flip() {
    size=$(wc -c <img)
    at=$(od -An -N4 -tu4 /dev/urandom | awk -v size="$size" '{print $1 % size}')
    byte=$(od -An -j "$at" -N1 -tu1 img)
    cp img copy
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\$(printf %o $((byte ^ 16)))" | dd of=copy bs=1 seek="$at" conv=notrunc status=none
}

# caught runs a command that has to find the damage in copy.
caught() {
    status=0
    run "$1" || status=$?
    echo "    exit status $status${2-}"
    [ $status = 3 ] || fail "the damage at byte $at went unnoticed"
}
