#!/bin/sh
# Plays one program of the table: play.sh USER PROGRAM VARIANT [--same-pid].
# Takes a snapshot of it, kills it, resumes it, and says its verdict.

# shellcheck disable=SC2086 # an argument that is empty is none
set -f
user=$1 program=$2 variant=$3 option=$4
dir=/tmp/stage-$$
mkdir $dir && chown "$user" $dir && cd $dir || exit
as() { exec su -s /bin/sh "$user" -c "exec $*"; } # no argument has spaces
# until_there is for what comes soon or never.
until_there() {
	tries=0
	while [ ! -e "$1" ] && [ ! -e result ] && [ $tries -lt 600 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}
(as "/tmp/programs/$program" $dir $variant) >output 2>&1 </dev/null &
pid=$!
until_there ready
if [ -e result ]; then
	cat result
	exit 77
fi
(as snapcat "process:$pid" | snapcompress --codec s2 | snapverify) >img || { cat output; exit 1; }
kill -9 $pid
wait $pid 2>/dev/null
(as snapresume $option $dir/img) >output2 2>&1 </dev/null &
printf resumed >.go && mv .go go
wait $!
status=$?
cat result result.part 2>/dev/null | grep -q '^ok' && [ $status = 0 ] && { rm -rf $dir; exit 0; }
echo "status $status"
cat result result.part output output2 2>/dev/null
exit 1
