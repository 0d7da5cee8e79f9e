// The allowed_signers file of ssh-keygen(1): who may sign, for what, and when. A
// line means here what it means there (sshsig.c of OpenSSH).

package trust

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"snappipe/format"
)

// signers is an allowed_signers file.
type signers struct {
	path  string
	lines []signer
	// passed says which lines could not be read, and count for nothing.
	passed []string
}

// signer is a line: whose key it is, and what it may be used for.
type signer struct {
	number        int
	principals    string // patterns
	key           ssh.PublicKey
	authority     bool   // it signs certificates, and those sign
	namespaces    string // patterns, "" for all
	after, before time.Time
}

func readSigners(path string) (*signers, error) {
	b, err := readTrusted(path)
	if err != nil {
		return nil, err
	}
	s := &signers{path: path}
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.Trim(line, " \t\r")
		if line == "" || line[0] == '#' {
			continue
		}
		one, err := parseSigner(line)
		if err != nil {
			s.passed = append(s.passed, fmt.Sprintf("%s line %d: %v", path, i+1, err))
			continue
		}
		one.number = i + 1
		s.lines = append(s.lines, one)
	}
	return s, nil
}

// parseSigner reads a line.
func parseSigner(line string) (s signer, err error) {
	var rest string
	if s.principals, rest, err = cutPrincipals(line); err != nil {
		return s, err
	}
	if nobody(s.principals) {
		return s, errors.New("it names nobody")
	}
	if unfinished(rest) {
		return s, errors.New("there is a comma with no option behind it")
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil {
		return s, errors.New("there is no key that is known here")
	}
	s.key = key
	for _, option := range options {
		if err := s.take(option); err != nil {
			return s, err
		}
	}
	if !s.after.IsZero() && !s.before.IsZero() && !s.before.After(s.after) {
		return s, errors.New("valid-before is not after valid-after")
	}
	return s, nil
}

// cutPrincipals takes the first word of a line, a part of which may stand in
// quotes and have spaces in it then.
func cutPrincipals(line string) (principals, rest string, err error) {
	const blank = " \t\r"
	i := strings.IndexAny(line, blank+`"`)
	if i < 0 {
		return "", "", errors.New("there is no key")
	}
	principals, rest = line[:i], line[i+1:]
	if line[i] == '"' {
		within, behind, ok := strings.Cut(rest, `"`)
		if !ok {
			return "", "", errors.New("a quote is missing")
		}
		principals, rest = principals+within, behind
	}
	return principals, strings.TrimLeft(rest, blank), nil
}

// unfinished reports whether the options, which are a word but for blanks in quotes,
// end with a comma.
func unfinished(rest string) bool {
	quoted, last := false, rune(0)
	for _, c := range rest {
		switch {
		case c == '"' && last != '\\':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t'):
			return last == ','
		}
		last = c
	}
	return false
}

// take takes an option.
func (s *signer) take(option string) error {
	name, value, hasValue := strings.Cut(option, "=")
	name = strings.ToLower(name)
	if name == "cert-authority" && !hasValue {
		s.authority = true
		return nil
	}
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return fmt.Errorf("option %s", option)
	}
	value = strings.ReplaceAll(value[1:len(value)-1], `\"`, `"`)
	switch {
	case name == "namespaces" && s.namespaces == "" && value != "":
		s.namespaces = value
		return nil
	case name == "valid-after" && s.after.IsZero():
		return parseTime(&s.after, value)
	case name == "valid-before" && s.before.IsZero():
		return parseTime(&s.before, value)
	}
	return fmt.Errorf("option %s", option)
}

// parseTime reads a time as ssh-keygen has it: a day, with the minute or second of it if
// need be, in local time unless a Z follows. It has to be after the beginning of 1970.
func parseTime(t *time.Time, value string) error {
	zone := time.Local
	digits := value
	for _, utc := range []string{"Z", "UTC"} {
		if cut := len(value) - len(utc); cut > 0 && strings.EqualFold(value[cut:], utc) {
			zone, digits = time.UTC, value[:cut]
			break
		}
	}
	if len(digits) == len("YYYYMMDD") || len(digits) == len("YYYYMMDDhhmm") {
		digits += "000000"[:14-len(digits)]
	}
	p, ok := cutTime(digits)
	*t = time.Date(p[0], time.Month(p[1]), p[2], p[3], p[4], p[5], 0, zone)
	if !ok || t.Unix() <= 0 {
		return fmt.Errorf("time %q", value)
	}
	return nil
}

// cutTime cuts YYYYMMDDhhmmss. Any month may have 31 days and any minute leap seconds,
// as for strptime(3).
func cutTime(digits string) (parts [6]int, ok bool) {
	if len(digits) != len("YYYYMMDDhhmmss") {
		return parts, false
	}
	for i, limit := range []struct{ digits, least, most int }{{4, 0, 9999}, {2, 1, 12}, {2, 1, 31}, {2, 0, 23}, {2, 0, 59}, {2, 0, 61}} {
		n, err := strconv.ParseUint(digits[:limit.digits], 10, 16)
		if parts[i] = int(n); err != nil || parts[i] < limit.least || parts[i] > limit.most {
			return parts, false
		}
		digits = digits[limit.digits:]
	}
	return parts, true
}

// errUnlisted is why a signature is not by an allowed signer: no line has its key.
var errUnlisted = errors.New("not listed")

// allows returns who has signed, as whom the file lists the key; or why that is
// not enough. Where name is not "", it has to be that one.
func (s *signers) allows(key ssh.PublicKey, name string, now time.Time) (string, error) {
	why := errUnlisted
	for _, line := range s.lines {
		who, err := line.allows(key, name, now)
		if err == nil {
			return who, nil
		}
		if err != errUnlisted {
			why = fmt.Errorf("line %d: %w", line.number, err)
		}
	}
	return "", why
}

func (s *signer) allows(key ssh.PublicKey, name string, now time.Time) (who string, err error) {
	if name != "" && !listed(name, s.principals) {
		return "", errUnlisted
	}
	cert, isCert := key.(*ssh.Certificate)
	switch {
	case !s.authority && same(s.key, key):
		who = s.principals
		if name != "" {
			who = name
		}
	case s.authority && isCert && same(s.key, cert.SignatureKey):
		if who, err = s.certified(cert, name, now); err != nil {
			return "", err
		}
	default:
		return "", errUnlisted
	}
	switch {
	case s.namespaces != "" && !listed(format.Namespace, s.namespaces):
		return "", fmt.Errorf("the key is not for the namespace %s", format.Namespace)
	case now.Before(s.after):
		return "", fmt.Errorf("the key is not valid before %v", s.after)
	case !s.before.IsZero() && now.After(s.before):
		return "", fmt.Errorf("the key was valid until %v", s.before)
	}
	return who, nil
}

// certified returns who it is that an authority has certified.
func (s *signer) certified(cert *ssh.Certificate, name string, now time.Time) (string, error) {
	if cert.CertType != ssh.UserCert {
		return "", errors.New("it is the certificate of a host")
	}
	check := ssh.CertChecker{Clock: func() time.Time { return now }}
	why := errors.New("the certificate is for none of the principals")
	for _, principal := range cert.ValidPrincipals {
		if name != "" && principal != name || !listed(principal, s.principals) {
			continue
		}
		if why = check.CheckCert(principal, cert); why == nil {
			return principal, nil
		}
	}
	return "", why
}
