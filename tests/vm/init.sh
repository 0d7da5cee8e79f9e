#!/bin/sh
# The guest's first process: makes the machine usable, then obeys the serial
# console. There, a line is a number and a command; when that has ended, its
# number and exit status are said.
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir -p /dev/shm
mount -t tmpfs tmpfs /dev/shm
mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
load() { for m in $(cat "/modules/$1.order" 2>/dev/null); do [ -e "/sys/module/$m" ] || insmod "/modules/$m.ko"; done; }
load start
ifconfig lo up
ifconfig eth0 10.0.2.15 up 2>/dev/null && route add default gw 10.0.2.2
hostname guest
echo 1 > /proc/sys/kernel/printk
stty -F /dev/ttyS0 -echo -onlcr
exec < /dev/ttyS0 > /dev/ttyS0 2>&1
set -o pipefail
echo ==ready==
while read -r number command; do
	eval "$command"
	echo "==end-$number-$?=="
done
