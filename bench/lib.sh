# What bench/run and bench/compare share. Sourced, never run.

. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

driver=$root/build/bench/dcb_bench
build_driver() {
  build() { cmake -S "$root/bench" -B "$root/build/bench" && cmake --build "$root/build/bench" --parallel "$(nproc)"; }
  step "Building the load driver" build
}

# Durable as in earnest, two fifths of the memory for the server so that ten million events fit, and neither a checkpoint nor autovacuum in the middle of a round.
memory=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
server_settings=(-c shared_buffers=$((memory * 2 / 5))MB -c max_connections=500 -c min_wal_size=8GB -c max_wal_size=32GB -c checkpoint_timeout=1h -c autovacuum=off
  -c shared_preload_libraries=pg_dcb)

# Facts for the head of the results, as arguments: the command, this build, and how long the disk of the cluster takes to flush a commit.
facts=()
gather_facts() {
  local probe flush
  probe=$(mktemp /tmp/pg_dcb_fsync.XXXXXX)
  flush=$("$("$PG_CONFIG" --bindir)/pg_test_fsync" -s 1 -f "$probe" | awk '$1 == "fdatasync" && $2 != "n/a" { print $4; exit }')
  rm -f "$probe"
  facts=(--fact "command:\`$1\`" --fact "pg_dcb:$(describe_commit HEAD)" --fact "one flush of 8 kB (pg_test_fsync, fdatasync):${flush:-unknown} µs")
}

# The commit $1, and whether the checkout differs from it in what is measured.
describe_commit() {
  local changed=
  [ "$1" != HEAD ] || git -C "$root" diff --quiet HEAD -- extension sql || changed=', with changes'
  say "commit $(git -C "$root" rev-parse --short "$1")$changed"
}
