# Shell functions around the clients that work while their servers fail over (load.cpp); sourced after test/lib.sh, with $work and $load set.

clients=

# lossless or lossy, store, HOST:PORT of each server. The store is made on the server that PGHOST leads to.
start_clients() {
  rm -rf "$work/clients"
  mkdir "$work/clients"
  sql "SELECT FROM dcb.create_store('$2'); SELECT FROM dcb.create_subscription('$2', 'effects'); SET client_min_messages = warning; DROP TABLE IF EXISTS effect; CREATE TABLE effect (position bigint, event text)" &&
    "$load" "$1" "$2" "$work/clients" "${@:3}" > "$work/clients/log" 2>&1 &
  clients=$!
  wait_for_appends "${at_least:-300}"
}

acknowledged() { cat "$work/clients/acknowledged" 2> /dev/null || say 0; }
# So many more are acknowledged: whatever has been done to the servers, the clients go on.
wait_for_appends() {
  local goal=$(($(acknowledged) + $1)) try
  for ((try = 0; try < 2400; try++)); do
    [ "$(acknowledged)" -lt "$goal" ] || return 0
    kill -0 "$clients" 2> /dev/null || break
    sleep 0.05
  done
  cat "$work/clients/log"
  say "not ok appends go on ($1 more were waited for)"
  exit 1
}

# Ends the clients; what they say of the log becomes lines of this test.
judge_clients() { # name
  touch "$work/clients/stop"
  wait "$clients"
  local status=$?
  clients=
  grep -v '^ok' "$work/clients/log"
  is "$status" 0 "$1"
}
lost() { sed -n 's/.* \([0-9]*\) acknowledged lost,.*/\1/p' "$work/clients/log"; }
stale() { sed -n 's/.* \([0-9]*\) stale marks.*/\1/p' "$work/clients/log"; }
