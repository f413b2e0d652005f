# Shell functions of the tests that run clusters of their own; sourced after scripts/lib.sh. A test is one line of output, "ok NAME" or "not ok NAME" with what
# was found; exit with $failed at the end.

failed=0
is() { # found expected name
  if [ "$1" = "$2" ]; then
    say "ok $3"
  else
    failed=1
    say "not ok $3"
    printf '# found:    %s\n# expected: %s\n' "$1" "$2"
  fi
}
ok() { # name command...
  local name=$1 said
  shift
  said=$("$@" 2>&1) && is 0 0 "$name" || is "$said" 'success' "$name"
}
sql() { "$bindir/psql" -XqAt -v ON_ERROR_STOP=1 "${@:2}" -c "$1"; }
until_true() { # statement, options for psql; a condition that comes true by itself, within $tries tries (1200, a minute at least)
  local try
  for ((try = 0; try < ${tries:-1200}; try++)); do
    [ "$(sql "$@" 2> /dev/null)" = t ] && return
    sleep 0.05
  done
  die "never came true: $1"
}

# Kills the whole server of $cluster at once, as by a power cut. Its first process is the one of the argument, where its folder can no longer be asked.
kill_server() {
  local postmaster process processes
  postmaster=${1:-$(head -n 1 "$cluster/data/postmaster.pid")}
  processes="$postmaster $(cat "/proc/$postmaster/task/$postmaster/children" 2> /dev/null)"
  kill -9 $processes 2> /dev/null
  for process in $processes; do
    while [ -e "/proc/$process" ] && ! grep -q '^State:.*zombie' "/proc/$process/status" 2> /dev/null; do sleep 0.05; done
  done
  forget_server 2> /dev/null
}
# Nobody may have buried the dead, and the server takes them for alive.
forget_server() { rm -f "$cluster/data/postmaster.pid" "$cluster"/.s.PGSQL.5432*; }
start_again() { as_server "$bindir/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w start > "$cluster/start.log" 2>&1 || { tail -n 5 "$cluster/log" >&2; die 'the server does not start'; }; }

# The same, and starts it again.
crash() { kill_server && start_again; }
