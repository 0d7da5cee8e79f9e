# What tests that failed have said, out of all that `go test -v` has: at the
# end of its package, with those that had no end because of a panic, a limit of
# time, or a call of exit. All failures are named again in the last lines, which
# is what is seen first of a long output.

/^ *=== (RUN|CONT|NAME|PAUSE)  */ { test = $3; said[test] = said[test]; next }
/^ *--- (PASS|SKIP): / { delete said[$3]; next }
/^ *--- FAIL: / {
    failed[++failures] = $0
    keep($3)
    delete said[$3]
    next
}
/^(ok|\?|---) / || /^(ok|\?)\t/ { forget(); next }
/^FAIL\t/ {
    for (name in said)
        keep(name)
    printf "%s", kept
    print
    failed[++failures] = $0
    forget()
    next
}
!/^(PASS|FAIL)$/ { said[test] = said[test] $0 "\n" }

END {
    printf "%s", said[""] # what does not compile
    for (i = 1; i <= failures; i++)
        print failed[i]
}

function keep(name) {
    if (said[name] != "")
        kept = kept "=== " name "\n" said[name]
}

# What was said outside of tests can be of a package that comes later.
function forget(  outside) {
    outside = said[""]
    delete said
    if (kept == "" && outside != "")
        said[""] = outside
    kept = test = ""
}
