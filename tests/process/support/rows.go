// The rows of the tests as kernel/process/SUPPORT.md shows them.

package main

import (
	"fmt"
	"strings"

	"snappipe/tests/process/table"
)

func support() string {
	var b strings.Builder
	for _, s := range table.Sections {
		fmt.Fprintf(&b, "\n| %s | saved | restored | refused | |\n|---|---|---|---|---|\n", s.Title)
		for _, r := range s.Rows {
			saved, restored, refused := outcome(r)
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.Object, saved, restored, refused, note(r))
		}
	}
	return strings.TrimPrefix(b.String(), "\n")
}

func outcome(r table.Row) (saved, restored, refused string) {
	switch {
	case r.Missing != "" && r.Refused != "":
		return "", "", "not yet"
	case r.Missing != "":
		return "not yet", "not yet", ""
	case r.Unseen != "":
		return "lost", "", ""
	case r.Args != nil:
		return "with " + r.Args[0], "", ""
	case r.Forced != "":
		return "with --force", "", "yes"
	case r.Refused != "":
		return "", "", "yes"
	case r.ResumeRefused != "":
		return "yes", "", "on resume"
	}
	return "yes", "yes", ""
}

func note(r table.Row) string {
	var all []string
	if len(r.Users) == 1 && r.Refused == "" {
		all = append(all, "as "+r.Users[0].Name)
	}
	switch {
	case r.Forced != "" && r.Args != nil:
		all = append(all, r.Forced)
	case r.Forced != "":
		all = append(all, "with --force it "+r.Forced)
	}
	if r.Missing != "" {
		all = append(all, r.Missing)
	}
	if r.Unseen != "" {
		all = append(all, r.Unseen)
	}
	if r.Note != "" {
		all = append(all, r.Note)
	}
	return strings.Join(all, "; ")
}
