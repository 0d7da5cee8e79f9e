// What a save of a machine does with the bytes, beside what the kernel's own
// hibernation does with them.
//
// That compresses with LZO1X-1 or LZ4, one thread less than there are CPUs and no
// more than three (save_compressed_image in kernel/power/swap.c): on two CPUs, one.
// lzop and lz4 are the same coders in one thread. Nothing is stored.

package main

var bytesAlone = []row{
	{
		what: "the pipeline with s2", ours: "snapcat file:image | snapcompress --codec s2 | snapverify > /dev/null",
		theirs: "lzop -q -F -c image > /dev/null", bar: 1,
	},
	{
		what: "the pipeline with s2", ours: "snapcat file:image | snapcompress --codec s2 | snapverify > /dev/null",
		theirs: "lz4 -q -1 -c image > /dev/null", bar: 1,
	},
	{
		what: "all in `snapcat`, with s2", ours: "snapcat --codec s2 --checksums file:image > /dev/null",
		theirs: "lzop -q -F -c image > /dev/null", bar: 1,
	},
	{
		what: "all in `snapcat`, with s2", ours: "snapcat --codec s2 --checksums file:image > /dev/null",
		theirs: "lz4 -q -1 -c image > /dev/null", bar: 1,
	},
	{
		what: "the pipeline with zstd", ours: "snapcat file:image | snapcompress | snapverify > /dev/null",
		theirs: "lzop -q -F -c image > /dev/null",
	},
	{
		what: "all in `snapcat`, with zstd", ours: "snapcat --codec zstd --checksums file:image > /dev/null",
		theirs: "lzop -q -F -c image > /dev/null",
	},
	{
		what: "the pipeline without compressing", ours: "snapcat file:image | snapverify > /dev/null",
		theirs: "lzop -q -F -c image > /dev/null",
	},
	{
		what: "`snapcat --raw` alone", ours: "snapcat --raw file:image | cat > /dev/null",
		theirs: "lzop -q -F -c image > /dev/null",
	},
}

// hibernation measures the work on the bytes alone.
func hibernation(dir string, rounds int) error { return measureAll(bytesAlone, dir, rounds) }
