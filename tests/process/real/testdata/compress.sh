# Threads of xz that come and go: what they packed is right.
cd "$1" || exit 1
seq 400000 >plain
until [ -e stop ]; do
	xz -T2 --block-size=256KiB -1 -c plain | xz -T2 -d -c | cmp - plain || exit 2
	echo . >>progress
	echo . >>progress
	echo . >>progress
done
rm -f plain
printf ok >result
