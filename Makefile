# pg_dcb: an event store with dynamic consistency boundaries in PostgreSQL.
#
# On a fresh Debian, `make quickstart` shows it at work and `make check` runs every test; both install what is missing from Debian's
# packages. `make && make install` builds the extension and installs it into the server of PG_CONFIG, as with any extension.
# The C++ SDK is CMake's: see CMakeLists.txt.

PG_CONFIG ?= pg_config
VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" extension/pg_dcb.control)

# What scripts get to know of the caller's choice. WITH_LLVM=no builds without the bitcode for JIT, hence without clang.
export PG_CONFIG WITH_LLVM

# The server's build rules have a `check` of their own and are missing on a bare machine: extension/build.mk meets them apart.
BUILD = $(MAKE) --no-print-directory -f extension/build.mk srcdir=. $(if $(WITH_LLVM),with_llvm=$(WITH_LLVM))

all: ## build the extension (the default)
	+@$(BUILD) all

install: ## install the extension into the server of PG_CONFIG
	+@$(BUILD) install

uninstall: ## remove it from there
	+@$(BUILD) uninstall

quickstart: ## from nothing to concurrent decisions in a private PostgreSQL, which stays up to be looked at
	@scripts/quickstart

quickstart-stop: ## stop and remove quickstart's PostgreSQL
	@scripts/quickstart stop

check: ## all tests, against private throw-away clusters
	@scripts/check

check-sql: ## SQL behaviour (pgTAP, test/sql)
check-isolation: ## sessions against each other (isolation specs, test/isolation)
check-sdk: ## the C++ SDK (GoogleTest, test/sdk)
check-tools: ## the command-line tool (test/tools)
check-fuzz: ## the decoders of the SDK and of the server under a fuzzer, for some seconds
check-hostile: ## input that nobody should send, by everybody, to every function (GoogleTest, test/hostile)
check-model: ## random operations against a reference in memory (RapidCheck, test/model)
check-callers: ## clients of every kind and their neighbours (GoogleTest, test/callers)
check-race: ## races on one boundary (GoogleTest, test/race)
check-crash: ## servers killed, cut from power, with full disks (test/crash)
check-replication: ## fail-overs, logical replication and recovery to a point under load (test/replication)
check-lifecycle: ## a store under maintenance, kill -9, standby, dump and restore (test/lifecycle)
check-roundtrips: ## dump and restore in all forms, upgrade scripts (test/roundtrips)
check-memory: ## nothing that is done over and over keeps memory (GoogleTest, test/memory)
check-worker: ## the background worker across restarts, kill -9 and promotion (test/worker)
check-install: ## the installed SDK, from a project that uses it
check-version: ## one version number everywhere
check-sql check-isolation check-sdk check-tools check-fuzz check-hostile check-race check-model check-callers check-crash check-replication check-lifecycle check-roundtrips check-memory check-worker check-install check-version:
	@scripts/check $(@:check-%=%)

check-matrix: ## build, pgTAP and isolation specs on PostgreSQL 17 and 18 (long, needs root)
	@scripts/check-matrix

check-assert: ## pgTAP, isolation specs, races and the worker's tests on a server with assertions (long)
	@scripts/check-assert

check-valgrind: ## pgTAP on a server under valgrind, built for that (long)
	@scripts/check-valgrind

check-sanitizers: ## the extension and the SDK with the address, undefined behaviour and thread sanitizers (long)
	@scripts/check-sanitizers

check-collisions: ## pgTAP with a tag index that knows four hashes only
	@scripts/check-collisions

check-compilers: ## the SDK and its tests with gcc 12 and clang 14, warnings being errors
	@scripts/check-compilers

compile-time: ## how long a large bounded context takes to compile, a row for docs/results/compile-time.md
	@test/sdk/large-context measure g++ clang++-14

fuzz: ## the same for FUZZ_SECONDS each (300)
	@test/fuzz/run $${FUZZ_SECONDS:-300}

# make campaign-reactions MINUTES=60
CAMPAIGNS = campaign-callers campaign-neighbours campaign-reactions
campaign-callers: ## clients cancelled, terminated, pooled, in cursors, procedures and pipelines, for MINUTES (15)
campaign-neighbours: ## what else goes on in a server beside a store in use, for MINUTES (15)
campaign-reactions: ## consumers, runners and due commands while everything is killed, for MINUTES (15)
$(CAMPAIGNS):
	@scripts/campaign $(@:campaign-%=%) $(MINUTES)

campaign-race: ## decisions racing each other until DECISIONS (1000000) met a rival
	@test/race/matrix $${DECISIONS:-1000000}

campaign-order: ## writers against readers and subscriptions that resume, DELIVERIES (10000000)
	@test/race/order $${DELIVERIES:-10000000}

campaign-model: ## random operations against a reference in memory, OPERATIONS (500000)
	@test/model/run $${OPERATIONS:-500000}

campaign-crash: ## kill -9 and immediate stops under load, ROUNDS (200)
	@test/crash/kill $${ROUNDS:-200}

campaign-power: ## power loss under load, ROUNDS (100; needs root)
	@test/crash/power $${ROUNDS:-100}

campaign-full: ## full disks under load, ROUNDS (10; needs root)
	@test/crash/full $${ROUNDS:-10}

campaign-hostile: ## random calls of every function for MINUTES (15), and values as large as rows can be
	@scripts/campaign-hostile $(MINUTES)

campaign-memory: ## ten million appends and a hundred million reads without growth, MEMORY_ROUND (18000) operations a round
	@scripts/campaign-memory $(MEMORY_ROUND)

campaign-size: ## EVENTS (30000000) events against a million: rates, vacuum, restart, backup and restore
	@bench/size $(EVENTS)

campaign-roundtrips: ## check-roundtrips with EVENTS (100000), and pg_upgrade from 15 to 17 to 18 (needs root)
	@test/roundtrips/campaign $(EVENTS)

campaign-replication: ## three servers under Patroni and etcd, FAILOVERS (21) under load, with synchronous replication and without
	@scripts/packages replication
	@scripts/campaign-replication $(FAILOVERS)

reference: ## the reference of the SDK's headers, build/reference/html/index.html (needs Debian's doxygen)
	@rm -rf build/reference && mkdir -p build/reference
	@doxygen docs/Doxyfile

bench: ## measure against plain PostgreSQL and other event stores' SQL, and write docs/results
	@bench/run

bench-full: ## the same with ten million events and up to 256 clients (hours)
	@bench/run full

dist: ## the archive for PGXN, from the last commit
	+@$(BUILD) sql/pg_dcb--$(VERSION).sql
	@mkdir -p build
	git archive --format zip --prefix pg_dcb-$(VERSION)/sql/ --add-file sql/pg_dcb--$(VERSION).sql --prefix pg_dcb-$(VERSION)/ -o build/pg_dcb-$(VERSION).zip HEAD

clean: quickstart-stop ## remove everything built
	rm -rf --one-file-system build
	rm -f pg_dcb.so extension/*.o extension/*.bc sql/pg_dcb--*.sql

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 26

# All that has a line in the list.
.PHONY: $(shell sed -n 's/^\([a-z-]*\):[^\#]*\#\# .*/\1/p' Makefile)
