// Snapresume resumes what a stream is the image of.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"snappipe/cmd/internal/about"
	"snappipe/cmd/internal/docs"
	"snappipe/cmd/internal/human"
	"snappipe/cmd/internal/input"
	_ "snappipe/cmd/internal/kernels"
	"snappipe/cmd/internal/tool"
	"snappipe/format"
	"snappipe/kernel"
	"snappipe/kernel/file"
)

func main() { snapresume.Main() }

var snapresume = tool.Tool{
	Name:    "snapresume",
	Summary: "resume from a snapshot stream",
	Args:    "[IMG]",
	MaxArgs: 1,
	About: []string{
		"Reads a stream from the file IMG or from standard input and resumes what it is the image of. Nothing is resumed before the end of the stream has come and every checksum holds; where that fails, nothing is left of the attempt. Only a device or pipe that --to names is written in place.",
		"What was resumed runs as a child of snapresume, which exits with its status.",
		"A program and its threads get the IDs that they had where the kernel gives those out: to root, and if they are free. Else they get others, which is said on standard error: what the program remembers of its IDs is wrong then, and a robust or priority-inheriting lock that it holds can't be unlocked. With --same-pid it gets a PID namespace of its own instead, with its old IDs, as any user may make one. That is not done unasked, since it is not free: within, no other process is seen in /proc or can be signalled; from outside, the ID is still another one; and without privilege a user namespace comes with it, in which set-user-ID programs gain nothing and files of others belong to nobody.",
		"A resumed program is a copy, as a child is, and there may be several of it. So memory that it has marked to be wiped in a child (MADV_WIPEONFORK), and what the kernel may drop (MAP_DROPPABLE), where random number generators keep their state, is empty. Timers and waits that end at a time of day do so; other timers go on with what they had left.",
		"Files and devices that a program had open are open again, also as its descriptors 0 to 2.",
		"A terminal there, or a pipe or connection to another process, becomes what snapresume has at the same number; never what the image is read from (the controlling terminal or else /dev/null instead), nor, with --detach, anybody's pipe or socket (/dev/null).",
		"With --stdio mine all three become what snapresume has, files and broken pipes too; with null, /dev/null; with saved, what they were: the very terminal, or else it is refused, as a pipe or connection to another process is.",
		"On a terminal the program is a job like any other, with its own terminal settings while it is in the foreground.",
		"With --raw, IMG is a flat image instead of a stream. A machine is resumed from it as it lies there, without unpacking anything. Nothing says what it is an image of, nor whether it is undamaged, so --force is needed.",
		"An image that is stored as the difference to another (snapcompress --base) is resumed with that: --base IMG. If that is a difference itself, what it was made with is named as well. All of them are checked before anything else is done.",
		"With --to file:PATH the flat image is written to a file, whatever it is an image of. With file:-, and into a FIFO, it goes as it comes, before the end has been verified: whether all was well, only the exit status tells.",
		"With --trust, an image is only resumed if somebody has signed it (snapverify --sign) who is listed, for the namespace \"snappipe\" and for today, in a file of allowed signers (ssh-keygen(1)). It is read twice then: all of it is decoded and verified before anything else is done with it, and what is read the second time has to be the same. What comes through a pipe is kept in memory meanwhile. If there is a file /etc/snappipe/allowed_signers, which root alone may write to, as to its directory, it is in force for programs and machines without an option, beside the one that --trust names, and so is /etc/snappipe/revoked_keys; only root can do without, with --no-trust. What is not signed is exit status 3.",
		"With --list the image is checked, and there is a line for each thing that resuming it would do with this machine: would VERB \"WHAT\": HOW (OF). Each file that it would open or map, each address that it would bind or connect to, what it would execute, be called, and become: users, groups, capabilities, limits, priorities, terminals. Nothing of that is done, or looked for; the lines are in an order that depends on the image alone, and what the image says is quoted as in Go, so that it can do nothing to a terminal. --check says the same, and tries it as well: of an image that you do not trust, that may be too much.",
		"With --lazy a program runs at once, whatever its size: what it touches of its memory is read from IMG when it does, and the rest behind that. So what is verified before it runs is not all of the image but only that its SHA-256 digests are what the root says; each frame is verified before a byte of it is seen. If a frame turns out to be damaged later, the program and all that descends from it is killed, and the exit status is 3; so are they if snapresume dies before all is loaded. IMG must be a file, with checksums, and stay as it is that long. Until then snapresume stays even with --detach, in the background and as snapresume-lazy; the program cannot be snapshotted; and who reads it through /proc/PID/mem, as debuggers do, gets an error for what has not come. Memory that has not come when the program marks it as guard pages (MADV_GUARD_INSTALL), or to be wiped in a child (MADV_WIPEONFORK), comes nevertheless. Locked memory, what has guard pages already, and what is shared or in files comes before the program runs. It takes root.",
		"With --range OFF,LEN only that part of the image is written, and of IMG, and of what it is the difference to, only what that takes is read and checked. It is found by the index that snapverify puts at the end of a stream, or else by the headers of its frames.",
		"With --salvage, that is done with a damaged image as well: every part of it that is in a whole frame is written at its place, and holes are left for the rest. Where the stream has SHA-256 checksums, a part has to match its own. Standard output has a line \"missing OFFSET LENGTH\" for each part that is lost, in bytes of the image. The exit status is 3, or 0 if nothing at all was wrong.",
		"The swap areas of a machine that was saved are kept for its image, and nothing can swap to them until it has been resumed. With --forget, IMG is erased and its areas are put right; or, if IMG is such an area, that one is. The image can't be resumed any more then.",
	},
	Examples: []docs.Example{
		{Command: "snapresume img", What: "Resume a program, with the terminal as its standard input again."},
		{Command: "snapresume --to file:core < img", What: "Write the flat image to the new file core."},
		{Command: "snapresume --to file:- img | gzip > core.gz", What: "Write the flat image into a pipe."},
		{Command: "snapresume --to file:core --range 0,0x100000 img; gdb program core", What: "Look at the first MiB of a large image of a program: threads, registers, mappings."},
		{Command: "snapresume --check img", What: "Do everything short of resuming, and say what would happen."},
		{Command: "snapresume --list img", What: "See what an image of somebody else's would do here, and do nothing of it."},
		{Command: "snapresume --base monday tuesday", What: "Resume what was stored as the difference to monday."},
		{Command: "snapresume --lazy --detach img", What: "Have a program run at once, and load its memory while it does."},
		{Command: "snapresume --salvage --to file:core bad.img", What: "Bring out what is left of a damaged image, which a debugger may still read."},
		{Command: "snapresume --trust allowed_signers img", What: "Resume a program only if it is signed by one of those."},
		{Command: "ssh host cat img | snapresume --to file:/dev/vdb", What: "Fetch an image onto a disk."},
		{Command: "snapresume --forget /dev/vdb", What: "Give up the image of a machine, whose swap areas can be used again."},
	},
	Flags: slices.Concat([]cli.Flag{
		&cli.StringFlag{Name: "to", Usage: "resume to `TARGET` instead of what the image says"},
		&cli.BoolFlag{Name: "check", Aliases: []string{"c"}, Usage: "do everything short of resuming, and say what would happen"},
		about.JSONFlag,
		&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "replace a file that is there already, write to a device that is in use, and give a program more rights than its user has by himself"},
		&cli.BoolFlag{Name: "raw", Usage: "IMG is a flat image, as snapcat --raw writes it"},
		input.BaseFlag("take `IMG` for what the image is stored as the difference to; may be given several times"),
		rangeFlag,
		&cli.BoolFlag{Name: "salvage", Usage: "write to the file that --to names whatever is whole of a damaged image"},
		&cli.BoolFlag{Name: "once", Usage: "erase the beginning of IMG right before it is resumed, so that it never is again"},
		lazyFlag,
		&cli.BoolFlag{Name: "detach", Usage: "leave what was resumed running on its own, and print what it is: the process ID of a program"},
		stdioFlag,
		listFlag,
		&cli.BoolFlag{Name: "same-pid", Usage: "insist on the same process IDs"},
		forgetFlag,
	}, trustFlags),
	Words: map[string][]string{"TARGET": {"file:"}, "WHERE": stdios},
	Run:   run,
}

func run(ctx context.Context, c *tool.Call) error {
	if c.Bool(forgetFlag.Name) {
		if err := checkForget(c); err != nil {
			return err
		}
		return forget(ctx, c)
	}
	if err := checkOnce(c); err != nil {
		return err
	}
	if err := checkStdio(c); err != nil {
		return err
	}
	if err := checkList(c); err != nil {
		return err
	}
	if c.Bool(about.JSONFlag.Name) && (!c.Bool("check") && !c.Bool(listFlag.Name) || c.Bool("salvage") || c.Bool("raw")) {
		return tool.Usage("", "--json is for --check and --list alone")
	}
	if c.IsSet(rangeFlag.Name) {
		return resumePart(ctx, c)
	}
	if c.Bool("salvage") {
		return salvage(ctx, c)
	}
	if c.Bool(lazyFlag.Name) {
		return resumeLazily(ctx, c)
	}
	if c.Bool("raw") {
		return resumeFlat(ctx, c)
	}
	in, err := input.Open(c.Args().First())
	if err != nil {
		return err
	}
	defer in.Close()
	if path, ok := strings.CutPrefix(c.String("to"), "file:"); ok {
		if err := file.Overwrites(path, in.File); err != nil {
			return err
		}
	}
	from, err := source(in.File)
	if err != nil {
		return err
	}
	asked, err := policy(c)
	if err != nil {
		return err
	}
	if asked.Asks() {
		if err := in.Twice(); err != nil {
			return err
		}
	}
	info, err := in.First(ctx)
	if err != nil {
		return err
	}
	if info.Resumed {
		if err := format.Verify(ctx, in.Reader); err != nil {
			return err
		}
		c.Note("the stream comes from a resumed system: there is nothing to resume")
		return nil
	}
	bases, err := input.OpenBases(ctx, c, false)
	if err != nil {
		return err
	}
	defer bases.Close()
	if in.Base, err = bases.For(ctx, info); err != nil {
		return err
	}
	by, err := verify(ctx, c, in, asked)
	if err != nil {
		return err
	}
	return resume(ctx, c, in.Reader, from, by)
}

// resume resumes the image, of which nothing was read but perhaps the first frame.
func resume(ctx context.Context, c *tool.Call, r *format.Reader, from os.FileInfo, by []string) error {
	info, err := r.Info()
	if err != nil {
		return err
	}
	r.Digest = c.Bool("check") || c.Bool(listFlag.Name)
	said := about.Of(r, c.Bool(about.JSONFlag.Name))
	said.Whole, said.By = true, by
	if c.Bool(listFlag.Name) {
		return list(ctx, c, r, said)
	}
	var would []string
	o := options(c, &would)
	o.Source, o.Trusted = from, len(by) > 0
	resumption, err := begin(ctx, c, info, o)
	if err != nil && c.Bool("check") {
		return checkAlone(ctx, c, r, said, err)
	}
	if err != nil {
		return err
	}
	c.Track(info.Size, r.Progress)
	var unordered func() bool
	if u, ok := resumption.(kernel.Unordered); ok {
		unordered = u.Unordered
	}
	if err := r.WriteRaw(ctx, resumption, unordered); err != nil {
		return errors.Join(err, resumption.Abort())
	}
	c.Close() // the terminal is that of the resumed program from here on
	if c.Bool("check") {
		would = slices.Concat(undamaged(info, r), provenance(said), would)
		return rehearse(c, resumption, said, &would)
	}
	if root := r.Root(); root != nil {
		c.Report(fmt.Sprintf("root %x", root))
	}
	return commit(c, resumption)
}

// undamaged says what was checked: without a root, errors of disks and lines
// would have been found, and not what somebody has changed.
func undamaged(info *format.Info, r *format.Reader) []string {
	all := []string{fmt.Sprintf("the image of %s is undamaged", human.Bytes(info.Size))}
	if root := r.Root(); root != nil {
		all = append(all, fmt.Sprintf("root %x", root))
	}
	return all
}

// checkAlone checks the whole image though there is nothing to resume it to: it
// is damaged, or else would be refused for that.
func checkAlone(ctx context.Context, c *tool.Call, r *format.Reader, said *about.Stream, refused error) error {
	info, err := r.Info()
	if err != nil {
		return err
	}
	c.Track(info.Size, r.Progress)
	if err := r.Each(ctx, format.CheckWhole(r.Base), nil); err != nil {
		return err
	}
	c.Close()
	would := append(undamaged(info, r), provenance(said)...)
	if errors.Is(refused, errNowhere) {
		would, refused = append(would, "it goes where --to says"), nil
	}
	return errors.Join(tell(c, said, would), refused)
}

// begin finds the kernel that is to resume the image, and starts it.
func begin(ctx context.Context, c *tool.Call, info *format.Info, o kernel.Options) (kernel.Resumption, error) {
	k, err := open(c.String("to"), info, o)
	if err != nil {
		return nil, err
	}
	r, err := k.ResumeSnapshot(ctx, kernel.Facts(info.Facts), info.Size)
	if err != nil {
		return nil, err
	}
	return planFor(c, k, info, r)
}

// options is what the user asks of the kernel. What that has to report in a check
// goes to would.
func options(c *tool.Call, would *[]string) kernel.Options {
	o := kernel.Options{
		Force:   c.Bool("force"),
		Check:   c.Bool("check"),
		Detach:  c.Bool("detach"),
		SamePID: c.Bool("same-pid"),
		Stdio:   kernel.Stdio(c.String("stdio")),
		Report:  c.Report,
		Warn:    c.Warn,
	}
	if o.Check {
		o.Report = func(line string) { *would = append(*would, line) }
		o.Warn = o.Report
	}
	return o
}

// open returns the kernel that to names or, if that is "", the image. An image
// cannot name a target: it is not for its maker to say what is written to.
func open(to string, info *format.Info, o kernel.Options) (kernel.Kernel, error) {
	name := info.Fact(format.FactKernel)
	if to != "" {
		k, err := kernel.Open(to, o)
		if other := mismatch(to, name); other != nil && !errors.As(err, new(*kernel.TargetError)) {
			return nil, other
		}
		return k, err
	}
	if strings.Contains(name, ":") {
		return nil, unknown(name, "there is no such kernel here")
	}
	k, err := kernel.Open(name, o)
	var target *kernel.TargetError
	switch {
	case !errors.As(err, &target):
		return k, err
	case slices.ContainsFunc(kernel.Targets(), func(target string) bool { return strings.HasPrefix(target, name+":") }):
		return nil, errNowhere
	}
	return nil, unknown(name, target.Reason)
}

// errNowhere is about an image of a kernel that has to be told where to.
var errNowhere = kernel.Refuse("the image", "--to file:PATH writes it to a file", "it does not say where to")

// mismatch refuses an image that is not of the kernel that to names. A file
// takes any image, and that of a file may be a flat one of anything.
func mismatch(to, image string) error {
	const flat = "file"
	name, _, _ := strings.Cut(to, ":")
	if name == image || name == flat || image == flat {
		return nil
	}
	return kernel.Refuse("--to "+name, "without --to, an image goes to the kernel that it is of; --to file:PATH writes any to a file",
		"the image is of kernel %q", image)
}

func unknown(name, reason string) error {
	return kernel.Refuse(fmt.Sprintf("image of kernel %q", name), "--to file:PATH writes it to a file",
		"%s", reason)
}

// rehearse goes through the last step as well, and tells what would have
// happened.
func rehearse(c *tool.Call, resumption kernel.Resumption, said *about.Stream, would *[]string) error {
	_, err := resumption.Commit()
	if err == nil {
		said.Plan, err = actions(resumption)
	}
	if err != nil {
		return errors.Join(err, resumption.Abort())
	}
	return tell(c, said, *would)
}

// tell prints what a check has found.
func tell(c *tool.Call, said *about.Stream, lines []string) error {
	switch {
	case c.Quiet:
		return nil
	case c.Bool(about.JSONFlag.Name):
		return said.JSON(os.Stdout, lines)
	}
	var text string
	for _, line := range lines {
		text += human.Printable(line) + "\n"
	}
	for _, action := range said.Plan {
		text += action.String() + "\n"
	}
	_, err := os.Stdout.WriteString(text)
	return err
}

// name prints what a script needs to know of what was left running: the
// process ID where it is a process.
func name(resumed kernel.Resumed) error {
	var id any = resumed
	if p, ok := resumed.(program); ok {
		id = p.PID()
	}
	_, err := fmt.Println(id)
	return err
}

// program is what was resumed, where it is a process.
type program interface{ PID() int }

func commit(c *tool.Call, resumption kernel.Resumption) error {
	if err := c.Context.Context.Err(); err != nil {
		return errors.Join(err, resumption.Abort())
	}
	undo := func() error { return nil }
	if c.Bool("once") {
		var err error
		if undo, err = spend(c.Args().First()); err != nil {
			return errors.Join(err, resumption.Abort())
		}
	}
	resumed, err := resumption.Commit()
	if err != nil {
		return errors.Join(err, resumption.Abort(), undo())
	}
	ctx := c.Resumed()
	c.Report("resumed " + resumed.String())
	if c.Bool("detach") {
		err = errors.Join(name(resumed), tellBegun())
	} else if _, ok := resumed.(program); ok {
		err = letGo()
	}
	status, waitErr := resumed.Wait(ctx)
	if err = errors.Join(err, waitErr); err == nil && status != 0 {
		err = tool.Status(status)
	}
	return err
}
