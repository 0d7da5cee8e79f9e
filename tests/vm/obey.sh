#!/bin/bash
# What init.sh is at its end, as a service of a machine with systemd.
set -o pipefail
stty -echo -onlcr
echo ==ready==
while read -r number command; do
	eval "$command"
	echo "==end-$number-$?=="
done
