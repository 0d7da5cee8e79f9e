# Files alike, for git fast-import: to find out which to store as the difference to which
# takes a while.
BEGIN {
	for (i = 1; i <= 500; i++) {
		text = ""
		for (j = 1; j <= 900; j++)
			text = text sprintf("%d\n", (i * j * j) % 1000003)
		printf "blob\nmark :%d\ndata %d\n%s", i, length(text), text
	}
	printf "commit refs/heads/main\ncommitter snappipe <snappipe> 1 +0000\ndata 3\nall\n"
	for (i = 1; i <= 500; i++)
		printf "M 100644 :%d file%d\n", i, i
}
