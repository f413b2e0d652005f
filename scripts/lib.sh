# Shell functions that more than one script needs: where things are, and how a private cluster is made. Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PG_CONFIG=${PG_CONFIG:-pg_config}
umask 022 # the server may run as another user than the one who built the extension

# Make's own flags would reach the makes that scripts start; what the caller chose comes as PG_CONFIG and WITH_LLVM instead.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# The extension's make. Scripts may run side by side in one checkout, so only one of them builds at a time.
pg_make() {
  flock "$root/Makefile" make --silent --no-print-directory -C "$root" -j"$(nproc)" PG_CONFIG="$PG_CONFIG" ${WITH_LLVM:+with_llvm="$WITH_LLVM"} "$@"
}

# One step of several: says what it does, and keeps its output for the case that it fails.
step() {
  local log=$root/build/step.log
  mkdir -p "$root/build"
  say "$1..."
  shift
  "$@" > "$log" 2>&1 || { cat "$log" >&2; exit 1; }
}

# Copies the checkout as it stands, without what is built, into the folder $1: objects of different servers stay apart.
copy_source() {
  mkdir -p "$1" && git -C "$root" ls-files -coz --exclude-standard | tar -C "$root" --null -T - --ignore-failed-read -c | tar -C "$1" -x
}

# The SDK's build folder, with CMake's options as arguments; one builds at a time here too.
cmake_configure() { flock "$root/CMakeLists.txt" cmake -S "$root" -B "$root/build/cmake" "$@"; }
cmake_build() { flock "$root/CMakeLists.txt" cmake --build "$root/build/cmake" --parallel "$(nproc)" "$@"; }

# Runs a server program. The server refuses root, and `postgres` is the superuser of any real cluster of this machine: root becomes nobody.
# $SERVER_ENVIRONMENT may hold variables for it, NAME=value, with spaces between them.
as_server() {
  local drop=()
  [ "$(id -u)" -ne 0 ] || drop=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
  (cd "$cluster" && exec "${drop[@]}" env -i PATH="$PATH" HOME="$cluster" LC_ALL=C.UTF-8 ${SERVER_ENVIRONMENT:-} "$@" < /dev/null)
}

# Where the cluster's server finds the extension: in the stage, not in the system, however this server's version says that.
stage_settings() {
  local stage=$cluster/stage share lib
  share=$("$PG_CONFIG" --sharedir) lib=$("$PG_CONFIG" --pkglibdir)
  if [ "$("$bindir/postgres" -V | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge 18 ]; then
    say "extension_control_path = '$stage$share:\$system'"
  else
    say "extension_destdir = '$stage'"
  fi
  say "dynamic_library_path = '$stage$lib:\$libdir'"
}

# Makes a cluster in the folder $1 with the extension staged in it (unless $WITH_CLUSTER_EXTENSION is 0) and starts it; the other
# arguments are settings, name=value. Sets PGHOST, PGPORT and PGUSER for clients. The folder's name has to be short: a socket's path ends
# at 107 characters.
start_cluster() {
  cluster=$1
  shift
  bindir=$("$PG_CONFIG" --bindir) || die "$PG_CONFIG does not run; scripts/packages installs it"
  local variable setting
  for variable in "${!PG@}"; do
    [ "$variable" = PG_CONFIG ] || unset "$variable" # nothing of the caller's may lead to another server
  done
  [ "${WITH_CLUSTER_EXTENSION:-1}" = 0 ] || pg_make install DESTDIR="$cluster/stage" > "$cluster/build.log" 2>&1 ||
    { cat "$cluster/build.log" >&2; die "the extension does not build"; }
  [ "$(id -u)" -ne 0 ] || chown nobody:nogroup "$cluster"
  as_server "$bindir/initdb" -D "$cluster/data" -U tester -A trust -N --locale=C.UTF-8 -E UTF8 > "$cluster/initdb.log" 2>&1 ||
    { cat "$cluster/initdb.log" >&2; die "initdb failed"; }
  {
    say "listen_addresses = ''"
    say "unix_socket_directories = '$cluster'"
    say "max_connections = 200"
    say "max_prepared_transactions = 10"
    say "log_min_messages = warning"
    say "jit = off"
    [ "${WITH_CLUSTER_EXTENSION:-1}" = 0 ] || stage_settings
    for setting; do
      say "${setting%%=*} = '${setting#*=}'"
    done
  } >> "$cluster/data/postgresql.conf"
  as_server "$bindir/pg_ctl" -D "$cluster/data" -l "$cluster/log" -w start > "$cluster/start.log" 2>&1 ||
    { tail -n 30 "$cluster/log" >&2; die "the server does not start"; }
  export PGHOST=$cluster PGPORT=5432 PGUSER=tester
}

# Stops the cluster in the folder $1, if one runs there, and removes the folder.
remove_cluster() {
  cluster=$1
  [ ! -e "$cluster/data/postmaster.pid" ] || as_server "$("$PG_CONFIG" --bindir)/pg_ctl" -D "$cluster/data" -m immediate -w stop > /dev/null
  rm -rf "$cluster"
}

# Ends a process and all that it started.
end_tree() {
  local child
  for child in $(cat "/proc/$1/task/$1/children" 2> /dev/null); do
    end_tree "$child"
  done
  kill "$1" 2> /dev/null
}

# Runs a command so that a signal to the script is acted upon at once: the shell runs a trap only between its foreground commands.
attended=
attend() {
  "$@" <&0 &
  attended=$! last_to_end=$!
  wait "$attended"
  local status=$?
  attended=
  return $status
}

# Makes the folder $work, which goes when the script ends, also by a signal, with the cluster in it and after what was attended has ended.
make_work() {
  work=$(mktemp -d "/tmp/$1.XXXXXX") || exit
  trap leave EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}
leave() {
  trap '' HUP INT TERM
  [ -z "$attended" ] || { end_tree "$attended"; wait "$last_to_end"; }
  remove_cluster "$work"
}
