# osv-rs: `make` builds everything, `make test` runs everything, `make demo` shows it. `make help` lists the rest.
.PHONY: all setup test demo bench java specjvm fmt clippy native applications processes disk seeing network fuzz soak loom laws differential terminals python ltp clean help
.DEFAULT_GOAL := all

CARGO ?= cargo
# The kernel is freestanding, with a cipher that looks for no CPU features, and frame pointers for its backtraces.
GUEST_FLAGS := --cfg osv_guest --cfg chacha20_backend="soft" -Cforce-frame-pointers=yes
GUEST := --profile guest --target-dir target/guest
GUEST_LD := --profile guest --target-dir target/guest-ld
# Crates that mean something only freestanding: no host build, no host tests.
FREESTANDING := osv-kernel ld-osv
MUSL := target/musl/musl_1.2.3.orig.tar.gz

## all: target/release/osv-pack, target/osv/kernel.elf and target/osv/ld-osv.so
all: $(MUSL)
	$(CARGO) build --release -p osv-pack -p osv-compat-tests
	RUSTFLAGS='$(GUEST_FLAGS)' $(CARGO) build $(GUEST) -p osv-kernel
	$(CARGO) build $(GUEST_LD) -p ld-osv
	@mkdir -p target/osv
	@# Images carry names, not line tables; gdb finds those in target/guest/guest/kernel and target/guest-ld/guest/ld-osv.
	@objcopy --strip-debug target/guest/guest/kernel target/osv/kernel.elf
	@objcopy --strip-debug target/guest-ld/guest/ld-osv target/osv/ld-osv.so
	@ls -l target/release/osv-pack target/osv/kernel.elf target/osv/ld-osv.so

$(MUSL):
	musl/fetch

## setup: installs by apt-get what of the tools and the programs under test is missing, and fetches musl's source
setup:
	@.ci/setup

## test: formatting, lints, host tests, native tests, applications in the guest; ends with `N passed, N failed`
test: setup
	@.ci/test

## demo: packs the distribution's memcached, boots it, talks to it and ends it
demo: setup all
	@.ci/demo

## bench: guest instructions beside Linux's in the same QEMU, into target/bench.json (ROWS="close mutex" for some)
bench: setup all
	@target/release/osv-bench $(ROWS)

## specjvm: Java workloads beside Linux (ROWS="compress serial", ROUNDS=3, CPUS=2; SPECJVM2008=a copy of the real suite)
specjvm: all
	@.ci/setup specjvm
	@target/release/osv-specjvm $(ROWS)

## fmt: formats every crate
fmt:
	$(CARGO) fmt --all

## clippy: lints of all crates, warnings are errors
clippy: $(MUSL)
	$(CARGO) clippy --workspace $(FREESTANDING:%=--exclude %) --all-targets -- -D warnings
	RUSTFLAGS='$(GUEST_FLAGS)' $(CARGO) clippy $(GUEST) -p osv-kernel -- -D warnings
	$(CARGO) clippy $(GUEST_LD) -p ld-osv -- -D warnings

## native: ld-osv.so runs stock programs on this Linux
native: all
	$(CARGO) test -p osv-compat-tests --test native --test native_link

## applications: stock programs in the guest, under QEMU
## processes: fork, exec, wait and copy on write in the guest, and the same programs on this Linux
## laws: what the kernel promises, as programs in the guest and as its own tests in ring 0
## differential: programs and system calls with every kind of argument, on this Linux and in the guest, line by line
## terminals: programs with a keyboard and a screen in the guest, job control, the power button
## disk: roots on a disk, the page cache under pressure, mounts
## seeing: --strace, --summary and what else looks at a running program
## network: IPv6 and names, as programs in the guest see them
## java: Java programs in the guest and, under ld-osv.so, on this Linux
## fuzz: every system call with arguments from a seed, one minute (OSV_FUZZ_SEED, OSV_FUZZ_SECONDS, OSV_FUZZ_ROUND)
# One guest at a time: emulated processors are slow enough alone.
GROUPS_OF_TESTS := applications processes laws differential terminals disk seeing network java fuzz
$(GROUPS_OF_TESTS): all
	$(CARGO) test -p osv-compat-tests --test $@ -- --test-threads 1

## soak: what takes long: processes and threads that come and go, ten minutes of fuzzing, memory that runs out
soak: setup all
	OSV_FUZZ_SECONDS=$${OSV_FUZZ_SECONDS:-600} $(CARGO) test -p osv-compat-tests --test fuzz -- --test-threads 1
	$(CARGO) test -p osv-compat-tests --test soak -- --test-threads 1 --include-ignored
	OSV_REPEATS=$${OSV_REPEATS:-20} $(CARGO) test -p osv-compat-tests --test processes -- --test-threads 1

## python: modules of Python's own regression suite in the guest, also those that take minutes
python: setup all
	$(CARGO) test -p osv-compat-tests --test python -- --test-threads 1 --include-ignored

## ltp: tests of an installed Linux Test Project in the guest (LTPROOT=/opt/ltp LTP="tier1 open01" JOBS=2 TIMES=3)
ltp: $(if $(LTPROOT),all)
ifdef LTPROOT
	@target/release/osv-ltp --root '$(LTPROOT)' --jobs $(or $(JOBS),2) --times $(or $(TIMES),3) $(LTP)
else
	@echo 'LTP not run: make ltp LTPROOT=/opt/ltp runs tests of the Linux Test Project installed there, in the guest.'
	@echo 'Its source is at https://github.com/linux-test-project/ltp; ./configure --prefix=/opt/ltp && make && make install'
	@echo 'needs autoconf, automake, gcc and linux-libc-dev. LTP="tier1 tier2 open01" picks tests, JOBS=2 machines at once,'
	@echo 'TIMES=3 runs of each. What is expected of which test: compat-tests/ltp.'
	@exit 2
endif

## loom: models of locks, wait queues and parking, in every order of their atomic operations
loom:
	RUSTFLAGS='--cfg loom' $(CARGO) test --quiet --release --target-dir target/loom -p osv-sync --lib model

## clean: removes target/
clean:
	rm -rf target

## help: this list
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)
