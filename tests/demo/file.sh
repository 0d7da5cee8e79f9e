#!/bin/sh
# Shows the tools at work on the memory of a live program: it goes through the
# pipeline, damage to the result is caught, and it comes back.
#
# The tools are on the PATH; MEMORY is the program in tests/demo/memory.
set -eu

here=$(cd "${0%/*}" && pwd)
dir=$(mktemp -d)
program=
trap 'rm -rf "$dir"; [ -z "$program" ] || kill "$program"' EXIT
trap 'exit 1' INT TERM
cd "$dir"

. "$here/show.sh"

# core writes the memory of a live program to the file core.
core() {
    if command -v gcore >/dev/null && command -v python3 >/dev/null; then
        python3 -c 'import time
x = {str(i): i for i in range(700000)}
print(len(x), flush=True)
time.sleep(999)' >ready &
        program=$!
        while ! [ -s ready ] && kill -0 "$program"; do sleep 0.1; done
        run "gcore -o python3 $program 2>&1 | tail -n 2" || true
        if [ -e "python3.$program" ]; then
            mv "python3.$program" core
            return
        fi
    fi
    run "$MEMORY core"
}

say "The memory of a live program:"
core

say "Into a compressed image with checksums, on all cores:"
run "snapcat file:core | snapcompress | snapverify > img"
run "snapverify --check < img"

say "A bit of a copy is flipped, somewhere:"
flip
caught "snapverify --check < copy"

say "And back, all of it:"
run "snapresume --to file:back img"
run "cmp core back" || fail "another image came back"
echo "    the same"
