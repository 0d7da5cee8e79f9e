#!/bin/bash
# Puts snapresume into the initramfs, and what says where the image lies
# and who may sign it:
# dracut.modules(7). It is a static program: no library goes with it.

check() {
	require_binaries snapresume
}

depends() {
	return 0
}

install() {
	inst_binary snapresume
	inst_multiple cat sleep
	local file
	for file in /etc/default/snappipe /etc/snappipe/allowed_signers /etc/snappipe/revoked_keys; do
		[[ ! -e $file ]] || inst_simple "$file"
	done
	inst_hook pre-mount 10 "$moddir/resume.sh"
}
