#!/bin/sh
# Plays one program of the table: play.sh USER PROGRAM VARIANT RESUME SAVE, where
# the last two are options for snapresume and snapcat. Takes a snapshot of it,
# kills it, resumes it, and says its verdict. Status 77 is that of a program that
# can't be here.

# shellcheck disable=SC2086 # an argument that is empty is none
set -f
user=$1 program=$2 variant=$3 resume=$4 save=$5
dir=/tmp/stage-$$
mkdir $dir && cd $dir && : >output && chown "$user" . output || exit # it is opened anew
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
	grep -q ^SKIP result && exit 77
	exit 1
fi
(as snapcat $save "process:$pid" | snapcompress --codec s2 | snapverify) >img || { cat output; exit 1; }
kill -9 $pid
wait $pid 2>/dev/null
(as snapresume $resume $dir/img) >output2 2>&1 </dev/null &
printf resumed >.go && mv .go go
wait $!
status=$?
cat result result.part 2>/dev/null | grep -q '^ok' && [ $status = 0 ] && { rm -rf $dir; exit 0; }
echo "status $status"
cat result result.part output output2 2>/dev/null
exit 1
