// Where the standard descriptors of a resumed program lead.

package kernel

// Stdio is where the descriptors 0 to 2 of a resumed program lead.
type Stdio string

// Without a choice, files and devices come back as they were, and what leads to
// a terminal or to another process becomes what the process that resumes has at
// the same number; with [Options.Detach], /dev/null in place of a pipe or socket.
const (
	StdioSaved Stdio = "saved" // all as they were, or the resume is refused
	StdioMine  Stdio = "mine"  // all as the process that resumes has them
	StdioNull  Stdio = "null"  // all to /dev/null
)
