# What `go test -v` skipped, of its logs: each test once, with its package and the
# reason. A line that begins with "SKIPPED: " is of another check, and stands for
# itself.

# What a test logs follows a line that names it; its last words are the reason, but
# for what testscript adds to each.
/^=== (RUN|NAME|CONT) / { test = $3; next }
/^ *testscript\.go:[0-9]+: / { next }
/^ *[a-z0-9_]+\.go:[0-9]+: / { sub(/^ *[a-z0-9_]+\.go:[0-9]+: /, ""); reason[test] = $0; next }
/^ *--- SKIP: / { skipped[n++] = $3; next }
/^SKIPPED: / { print; next }
# The line that names the package comes last.
/^(ok|FAIL)[ \t]+[^ \t]/ {
    for (i = 0; i < n; i++) {
        why = reason[skipped[i]]
        sub(/^SKIPPED *[^:]*: /, "", why)
        print "SKIPPED: " $2 " " skipped[i] ": " why
    }
    n = 0
    split("", reason)
}
