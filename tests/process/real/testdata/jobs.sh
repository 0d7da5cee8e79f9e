# Two pipelines in the background, children that end all the time, and one that is waited for.
cd "$1"
count() {
	n=0
	while [ ! -e stop ]; do
		echo $((n += 1))
		/bin/sleep 0.005
	done
}
count | tee first >(wc -l >lines) | awk '{ sum += $1 } END { print NR * (NR + 1) / 2 == sum ? "right" : "wrong" }' >one &
one=$!
count | sort -n | awk '$1 != NR { bad = 1 } END { print bad ? "wrong" : "right" }' >two &
two=$!
(while [ ! -e stop ]; do /bin/sleep 0.01; done; exit 5) &
three=$!
trap 'echo told >>signals' USR1
while [ ! -e stop ]; do
	echo . >>progress
	/bin/true || echo "true failed"
	/bin/sleep 0.005
done
wait $one $two
wait $three
status=$?
if [ "$(cat one two)" = "right
right" ] && [ $status = 5 ]; then
	echo -n ok >result
else
	echo -n "status $status, $(cat one two)" >result
fi
