# On a disk that is encrypted with a passphrase.
# needs: cryptsetup losetup
TARGET="file:$IMAGE"
truncate -s 64M backing
disk=$(losetup --show -f backing) || { echo "no loop device can be made"; exit 77; }
trap 'cryptsetup close image 2>/dev/null || :; losetup -d "$disk"' EXIT
dmsetup version >/dev/null 2>&1 || { echo "this kernel has no device mapper"; exit 77; }
[ ! -e /dev/mapper/image ] || { echo "/dev/mapper/image is in use"; exit 77; }
echo secret >pass
cryptsetup luksFormat --batch-mode --key-file pass "$disk"
cryptsetup open --key-file pass "$disk" image
snapcat "$TARGET" | snapcompress | snapverify --output /dev/mapper/image
snapresume --to file:back /dev/mapper/image
cmp back "$IMAGE"
cryptsetup close image
[ "$(head -c 4 "$disk")" = LUKS ]
