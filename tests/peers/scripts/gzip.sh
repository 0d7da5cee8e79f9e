# The flat image through gzip and back, as in 2007.
# needs: gzip
snapcat --raw "file:$IMAGE" | gzip -9 | gunzip | cmp - "$IMAGE"
