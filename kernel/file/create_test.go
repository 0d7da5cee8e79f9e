// Files that appear whole, or not at all.

package file

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"snappipe/kernel"
)

// openers are the two ways to begin a file: by name is for file systems that
// have no files without one.
var openers = map[string]func(*Output) error{
	"nameless": (*Output).openTemporary,
	"named": func(o *Output) error {
		o.Fresh = true
		return o.openNamed()
	},
}

// TestCreate demands, beside what its table says, that nobody else can read
// the file while it is written.
func TestCreate(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	for name, open := range openers {
		for _, c := range []struct {
			what  string
			old   bool // the file is there from the start
			late  bool // it appears while it is written
			force bool
			abort bool
			want  string // what the file holds in the end, "" if it is not there
		}{
			{what: "new", want: "new"},
			{what: "aborted", abort: true},
			{what: "appeared meanwhile", late: true, want: "old"},
			{what: "appeared meanwhile, forced", late: true, force: true, want: "new"},
			{what: "replaced", old: true, force: true, want: "new"},
			{what: "aborted, forced", old: true, force: true, abort: true, want: "old"},
		} {
			t.Run(name+"/"+c.what, func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, "file")
				if c.old {
					write(t, path, "old")
				}
				o := &Output{path: path, force: c.force}
				if err := open(o); err != nil {
					t.Fatal(err)
				}
				if st, err := o.Stat(); err != nil || st.Mode().Perm() != 0o600 {
					t.Errorf("it has mode %v: %v", st.Mode(), err)
				}
				if _, err := o.WriteString("new"); err != nil {
					t.Fatal(err)
				}
				if c.late {
					write(t, path, "old")
				}
				end(t, o, c.abort, c.want != "new" && !c.abort)
				got, err := os.ReadFile(path)
				if (err == nil) != (c.want != "") || string(got) != c.want {
					t.Errorf("the file holds %q, not %q: %v", got, c.want, err)
				}
				if others := names(t, dir); slices.ContainsFunc(others, func(n string) bool { return n != "file" }) {
					t.Errorf("left behind: %q", others)
				}
			})
		}
	}
}

func end(t *testing.T, o *Output, abort, refused bool) {
	t.Helper()
	if abort {
		if err := o.Abort(); err != nil {
			t.Error(err)
		}
	} else if err := o.Commit(); errors.As(err, new(*kernel.Refusal)) != refused || err != nil && !refused {
		t.Errorf("Commit: %v", err)
	}
	if err := o.Abort(); err != nil {
		t.Errorf("Abort in the end: %v", err)
	}
}

func TestCreateRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "old")
	if err := os.Symlink("file", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "file"), filepath.Join(dir, "link")} {
		for _, f := range []func() error{
			func() error { return Check(path, false) },
			func() error { _, err := Create(path, false); return err },
		} {
			if err := f(); !errors.As(err, new(*kernel.Refusal)) {
				t.Errorf("%s: %v, not a refusal", path, err)
			}
		}
	}
}

// TestSymlinkAboveDirectory follows a link to "..", which lies where the
// directory of the link is, not where its name says.
func TestSymlinkAboveDirectory(t *testing.T) {
	top := t.TempDir()
	deep := filepath.Join(top, "real", "deep")
	if err := os.MkdirAll(deep, 0o777); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{
		filepath.Join(top, "short"): deep,
		filepath.Join(deep, "link"): "../file",
	} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	o, err := Create(filepath.Join(top, "short", "link"), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(top, "real", "file")); err != nil {
		t.Error(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}
