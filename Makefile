# make          build the four tools into bin/, manual pages and completions too
# make demo     see them work: snapshot a live program, kill it, resume it
# make check    what is quick, before each commit: under three minutes
# make test     all tests, those that take long less often than below
# make test-vm  whole machines in QEMU, and live programs under another kernel
# make test-kernel  the kernel with the two system calls: builds it and its
#               variant that looks for mistakes, and boots both
# make race     the race detector over what has goroutines. make test does it too
# make soak     hundreds of snapshots of one program, and of kills of snapcat
# make cross    the format and the filters for other processors: 32 bits,
#               big-endian, arm64. make test does it too
# make fuzz     the fuzz targets, each for FUZZTIME
# make bench    measure against other tools
# make install  into DESTDIR/PREFIX
# make deb      a Debian package, into DEB, which also sets up a machine: contrib

GO ?= go
PREFIX ?= /usr/local
DESTDIR ?=
FUZZTIME ?= 20s
DEB ?= bin

TOOLS = snapcat snapcompress snapverify snapresume
SHARE = bin/share
# What the library for options would make manuals with: a Markdown parser that each
# start pays for.
TAGS = urfave_cli_no_docs
export CGO_ENABLED = 0

build:
	$(GO) build -trimpath -tags $(TAGS) -o bin/ $(TOOLS:%=./cmd/%)
	@mkdir -p $(SHARE)/man/man1 $(SHARE)/man/man5 $(SHARE)/man/man7 $(SHARE)/bash-completion/completions \
	    $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d
	@for t in $(TOOLS); do \
	    bin/$$t --generate man >$(SHARE)/man/man1/$$t.1 && \
	    bin/$$t --generate bash >$(SHARE)/bash-completion/completions/$$t && \
	    bin/$$t --generate zsh >$(SHARE)/zsh/site-functions/_$$t && \
	    bin/$$t --generate fish >$(SHARE)/fish/vendor_completions.d/$$t.fish || exit; \
	done
	@{ cat cmd/internal/docs/snappipe.5.md && sed 1d format/SPEC.md; } | $(GO) tool go-md2man >$(SHARE)/man/man5/snappipe.5
	@$(GO) tool go-md2man <cmd/internal/docs/snappipe.7.md >$(SHARE)/man/man7/snappipe.7

demo: build
	@$(GO) build -o bin/demo/ ./tests/demo/primes
	@PATH="$(CURDIR)/bin:$$PATH" PRIMES=$(CURDIR)/bin/demo/primes tests/demo/process.sh

# What is skipped is named: a tool that is not installed, a right that is
# missing. All that go test said is in the log, which tests/skipped.awk reads too.
report = $(GO) test -v $(2) >bin/$(1).log 2>&1; status=$$?; \
	grep -aE '^(ok|FAIL|panic:|\?)|SKIP|^ *--- FAIL' bin/$(1).log; \
	if [ $$status != 0 ]; then awk -f tests/failed.awk bin/$(1).log; fi; exit $$status

# What breaks most often, without live programs but for the demonstration.
QUICK = ./cmd/... ./format/... ./kernel ./kernel/file ./kernel/process/world \
    ./kernel/process/proc ./kernel/process/sockopt ./tests/cli ./tests/process/support \
    ./tests/vectors

check: build lint
	@$(call report,check,-short -timeout 10m $(QUICK))

# Machines keep all cores busy for minutes, so they come when the others are
# done, one package after the other.
MACHINES = ./tests/vm ./tests/process/kernels ./kernel/machine/linux

test: build lint race
	@$(call report,test,-timeout 30m $$($(GO) list ./... | grep -vxF "$$($(GO) list $(MACHINES))"))
	@$(call report,test-machines,-timeout 1h -p 1 $(MACHINES))

test-vm: build
	SNAPPIPE_VM=1 $(GO) test -timeout 1h -v ./tests/vm ./tests/process/kernels

test-kernel: build
	SNAPPIPE_VM=1 $(GO) test -timeout 2h -v ./kernel/machine/linux

# What the race detector finds, it finds in few rounds as well as in many, and
# it makes them ten times slower: -short is for it. It needs a C compiler.
RACE = ./format/... ./cmd/... ./kernel/file ./kernel/machine \
	./kernel/process/agent ./kernel/process/capture ./kernel/process/lazy ./kernel/process/ptrace ./kernel/process/restore

race:
	@mkdir -p bin
	@if command -v "$$($(GO) env CC)" >/dev/null; then \
	    export CGO_ENABLED=1; $(call report,race,-race -short -timeout 15m $(RACE)); \
	else echo "SKIPPED: the race detector: no C compiler" | tee bin/race.log; fi

cross:
	$(GO) test -v ./tests/cross

soak: build
	SNAPPIPE_SOAK=1 $(GO) test -timeout 2h -v ./tests/process/soak ./tests/process/stdio

lint:
	@mkdir -p bin; rm -f bin/lint.log
	@unformatted=$$(gofmt -l cmd format kernel tests); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@if command -v shellcheck >/dev/null; then \
	    shellcheck -x -P tests/demo .ci/run tests/setup contrib/deb/build contrib/boot/resume contrib/systemd/snappipe-keep contrib/systemd/snappipe-save contrib/snapkernel-sqlite contrib/snaprun tests/demo/*.sh tests/process/kernels/*.sh && shellcheck -s bash -e SC2154 tests/peers/scripts/*.sh; \
	else echo "SKIPPED: shellcheck is not installed" | tee bin/lint.log; fi

# What goroutines do differs from run to run, so that a search for a shorter
# input that does the same would take up all the time.
fuzz:
	@for p in $$($(GO) list ./...); do \
	    for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	        $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$p || exit; \
	    done; \
	done

bench: build
	$(GO) run ./tests/bench -bin bin
	SNAPPIPE_VM=1 $(GO) test -timeout 1h -run '^$$' -bench . -benchtime 1x ./tests/vm

install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share
	install -m 755 $(TOOLS:%=bin/%) $(DESTDIR)$(PREFIX)/bin
	cp -R $(SHARE)/. $(DESTDIR)$(PREFIX)/share

deb: build
	@GO='$(GO)' TAGS='$(TAGS)' contrib/deb/build '$(DEB)'

clean:
	rm -rf bin

.PHONY: build demo check test race test-vm test-kernel cross soak lint fuzz bench install deb clean
