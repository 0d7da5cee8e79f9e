// Patterns of names, as ssh_config(5) describes them.

package trust

import "strings"

// matches reports whether name matches a pattern, in which * stands for any
// letters and ? for one.
func matches(name, pattern string) bool {
	star, again := -1, 0 // the last * in the pattern, and where what it stands for may end
	n, p := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, again = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			n, p = n+1, p+1
		case star >= 0:
			again++
			n, p = again, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// listed reports whether name matches a list of patterns with commas between:
// one of them, and none of those that a ! stands before.
func listed(name, list string) bool {
	found := false
	for pattern := range strings.SplitSeq(list, ",") {
		not, negated := strings.CutPrefix(pattern, "!")
		switch {
		case negated && matches(name, not):
			return false
		case !negated && matches(name, pattern):
			found = true
		}
	}
	return found
}

// nobody reports whether no name but the empty one can match a list of patterns.
func nobody(list string) bool {
	for pattern := range strings.SplitSeq(list, ",") {
		if pattern != "" && pattern[0] != '!' {
			return false
		}
	}
	return true
}
