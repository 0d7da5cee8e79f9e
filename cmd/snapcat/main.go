// Snapcat takes a snapshot and writes it as a stream.
package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/coding"
	"snappipe/cmd/internal/docs"
	_ "snappipe/cmd/internal/kernels"
	"snappipe/cmd/internal/output"
	"snappipe/cmd/internal/tool"
	"snappipe/kernel"
)

func main() {
	t := tool.Tool{
		Name:    "snapcat",
		Summary: "take a snapshot and write it as a stream",
		Args:    "[TARGET]",
		MaxArgs: 1,
		About: []string{
			"Takes a snapshot of TARGET, a live process, a file or the machine, which runs on, and writes it to standard output: as a stream for snapcompress, snapverify and snapresume, or as it is with --raw. Without TARGET, the whole machine is meant.",
			"A target NAME:REST of another kernel is for the program snapkernel-NAME, which is looked for on the PATH.",
			"A process is taken with all that descends from it, at one moment. The facts of the stream, which snapverify --check shows, have a line for each process. In the flat image each has a core file of its own, which begins where that line says: tail -c +N core, with N one more than that, is what gdb takes. With --only, the one process is taken alone, and resumed it has no children.",
			"A program stands still for a fork of it, 15 ms for each GiB of memory in small pages. With --precopy its memory is copied before that, while it runs, and what it has written to since is copied when it is stopped: some milliseconds for 2 GiB. The image is the same. The copy is in memory, as large as what the program has, up to the end of snapcat; where that is not to be had, in the machine or in the control group of snapcat, the fork is made as without it. So it is for mappings of less than 4 MiB or of huge pages, which a fork is quick with, for what is shared or of files, what the program maps anew, moves or protects otherwise meanwhile, what it writes to faster than it can be copied, processes under seccomp or with a file open for direct I/O (O_DIRECT), and kernels before Linux 6.7: -v says so, and of the kernel a warning does. It costs the program a microsecond for each page that it writes to first, some waiting when it maps or unmaps memory, and meanwhile its mappings can't be registered with a userfaultfd(2) of its own.",
			"With --codec and --checksums, it does itself what snapcompress and snapverify would do behind it, and the stream is the same. Where an image goes from here to a file or a device, that takes less of the processors than a pipeline.",
			"A TCP connection of a process to somebody outside of it can be in one place only. With --then kill, the process stands still until its image is in FILE, of --output, and then ends; or it goes on, if anything fails. What the other end of a connection sends from then on is neither answered nor acknowledged, by a table of nftables named snappipe-..., so that it waits for the image to be resumed in the same place, or gives up at its own limit. Resuming the image removes the table; nft delete table, or a restart, does so for one that is not wanted any more. This takes root where there are such connections.",
			"Parts that are all zeros take no room in a stream. With --raw, and a file as output, parts that the snapshot says are empty become holes.",
			"In a system that was resumed from a snapshot, the snapcat that took it comes back to life too. It then writes a stream that says so, which all tools pass on, but none puts into a file or onto a device; nor does snapcat itself.",
		},
		Examples: []docs.Example{
			{Command: "snapcat process:1234 | snapcompress | snapverify > img", What: "Make a compressed image with checksums of a live program, which runs on."},
			{Command: "snapcat process:1234 | ssh host snapresume --detach", What: "Clone a live program onto another host."},
			{Command: "snapcat file:/dev/vdb | snapcompress | ssh host 'snapverify -o img'", What: "Send what a disk holds to another host."},
			{Command: "snapcat --codec zstd --checksums -o img process:1234", What: "Do all that in one program."},
			{Command: "snapcat --raw process:1234 > core; gdb program core", What: "Make a core file, and look at it."},
		},
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "raw", Usage: "write the flat image, without frames and checksums"},
			onlyFlag, precopyFlag, dropFlag, freezeFlag, followFlag, cacheFlag, thenFlag,
		}, coding.Flags(""), []cli.Flag{checksumsFlag}, output.Flags("replace FILE if it is there already, and drop from the snapshot what cannot be saved")),
		Words: map[string][]string{"TARGET": targets(), "CODEC": coding.Names(), "END": append(slices.Clone(ends), killed)},
		Run:   run,
	}
	t.Main()
}

// targets lists the beginnings that a target can have.
func targets() []string {
	var all []string
	for _, t := range kernel.Targets() {
		name, _, hasRest := cutTarget(t)
		if hasRest {
			name += ":"
		}
		all = append(all, name)
	}
	return all
}
