# Shell functions of the round trips: a database is filled with all that stores can hold, something happens to it or a copy of it is made, and what comes out has
# to be equal and to go on. Sourced after scripts/lib.sh and test/lib.sh, with a cluster running.

trips=$root/test/roundtrips
export PGTZ=UTC

run_file() { "$bindir/psql" -XqAt -v ON_ERROR_STOP=1 -f "$trips/$1" "${@:2}"; } # file, options for psql
create_database() { sql "CREATE DATABASE $1 TEMPLATE ${2:-template0}" -d postgres; }

# Makes the database `original`, with about $1 events, and notes in $2 what is in it.
make_original() {
  create_database original && run_file stores.sql -d original > /dev/null && run_file events.sql -v events="$1" -d original > /dev/null || die 'the stores cannot be filled'
  note original "$2"
}
note() { # database, folder
  local what
  mkdir -p "$2"
  for what in contents shape catalog; do
    run_file $what.sql -d "$1" > "$2/$what" || die "no $what of $1"
    [ -s "$2/$what" ] || die "no $what in $1"
  done
}

# The database $2 is like what was noted in $3, in each of the rest: contents, shape, catalog.
same() {
  local label=$1 database=$2 noted=$3 what
  shift 3
  for what; do
    is "$(run_file "$what.sql" -d "$database" 2>&1 | diff "$noted/$what" - | head -n 20)" '' "$label: the same $what"
  done
}

# It goes on as a store should; options for psql can say that another role owns all, or that no one was granted anything. Changes the database.
goes_on() { # label, database, options
  local out
  out=$(run_file goes_on.sql -d "$2" -v label="$1: " -v owner=tester -v shop_owner=rt_shop -v bank_owner=rt_bank -v grants=1 "${@:3}" 2>&1) ||
    out=$(printf 'not ok %s: it was gone through to the end\n%s' "$1" "$out")
  say "$out"
  ! grep -q '^not ok\|^psql:' <<< "$out" || failed=1
}
