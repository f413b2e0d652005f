# Shell functions of the scripts in this folder; sourced after test/lib.sh.

build_load() { cmake_configure -DDCB_BUILD_TESTS=ON && cmake_build --target crash_load_main; }

# Checkpoints and vacuum are at work, but no process of the server flushes what a commit has left, if that can be helped.
lazy=(autovacuum_naptime=1s checkpoint_timeout=30s synchronous_commit=off wal_writer_delay=10s wal_writer_flush_after=1GB)

# The load (main.cpp) on the server that PGHOST leads to, and its answer to a command as $answer.
start_load() {
  coproc load { exec "$root/build/cmake/test/crash/crash_load"; }
  load_process=$!
  exec {load_answers}<&"${load[0]}" {load_commands}>&"${load[1]}"
}
end_load() {
  kill "$load_process" 2> /dev/null
  wait "$load_process" 2> /dev/null
  exec {load_answers}<&- {load_commands}>&-
}
ask() {
  say "$*" >&"$load_commands"
  read -r -t 300 answer <&"$load_answers" || answer="no answer to $* within 300 s"
}
advance() {
  ask advance "$1"
  [ "$answer" = advanced ] || die "$answer"
}
# A random moment of it.
under_way() {
  advance $((RANDOM % 300 + 100))
  sleep "$(printf '0.%03d' $((RANDOM % 500)))"
}
# The account at this point, as one test.
account() { # name
  ask check
  case $answer in
    good:*) say "ok $1:${answer#good:}" ;;
    *) is "$answer" 'a good account' "$1" ;;
  esac
}

# What needs disks of its own runs as root in name spaces of its own: mounts, loop devices and processes end with it, whatever happens. $1 is what is skipped
# without, the rest are the script's arguments. The folder $work is made outside, and goes there too.
in_name_spaces() {
  local name=$1
  shift
  if [ -n "${CRASH_WORK:-}" ]; then
    work=$CRASH_WORK
    cluster=$work
    return
  fi
  [ "$(id -u)" -eq 0 ] || { say "ok $name # skip needs root, for disks of its own"; exit 0; }
  make_work pg_dcb_disk
  mkdir "$work/data"
  unshare --mount --propagation private sh -c "truncate -s 8M '$work/try' && mkfs.ext4 -q -F '$work/try' && mount -o loop '$work/try' '$work/data'" 2> /dev/null ||
    { say "ok $name # skip no file system can be mounted from a file here"; exit 0; }
  attend env CRASH_WORK="$work" unshare --mount --pid --fork --kill-child --mount-proc --propagation private "$0" "$@"
  exit
}

# A disk of its own: a file of the size $2 with ext4 in it, mounted at $1 for the server. Nothing is written back by the time alone for five minutes.
make_disk() {
  mkdir -p "$1" && truncate -s "$2" "$1.image" && mkfs.ext4 -q -F -m 0 "$1.image" && mount_disk "$1" && rmdir "$1/lost+found" &&
    chown nobody:nogroup "$1" && chmod 700 "$1" || die "no disk at $1"
}
mount_disk() { mount -o loop,commit=300 "$1.image" "$1"; }
