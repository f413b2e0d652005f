# A server with assertions that also tells valgrind what it does with its memory, built from Debian's sources of the server that is installed.
# Sourced after lib.sh, never run.
#
# It is kept in build/assert-server for the next time. It runs from a copy, since a server that root starts is nobody, who may not be able to enter the
# checkout; the extension is built from a copy too, as its objects differ.

"$root/scripts/packages" assert || exit
major=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
build=$root/build/assert-server

# Debian's own list of sources, with those of source packages, beside the system's lists.
fetch_source() {
  mkdir -p "$build/lists/partial" "$build/sources.d" && cd "$build" || return
  local file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
    [ ! -e "$file" ] || sed 's/^deb /deb-src /; s/^Types: .*/Types: deb-src/' "$file" > "sources.d/${file##*/}"
  done
  local apt=(apt-get -o Dir::State::Lists="$build/lists" -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$build/sources.d"
    -o APT::Sandbox::User=root)
  # Mirrors do not always have the sources of security updates: then those of the release itself.
  "${apt[@]}" update && rm -rf source "postgresql-$major-$major".* &&
    { "${apt[@]}" source "postgresql-$major" || "${apt[@]}" source "postgresql-$major/$(. /etc/os-release && say "$VERSION_CODENAME")"; } &&
    mv "postgresql-$major-$major".*/ source
}

# Debian's sources have the library folder fixed in the system, whatever --prefix says: it is set anew for every make, and the installation goes
# through DESTDIR, out of which nothing gets. What would have got out of the prefix is refused.
build_server() {
  local prefix=/opt/pg_dcb_assert stage=$build/stage
  local make=(make -s pkglibdir="$prefix/lib/postgresql")
  rm -rf "$stage" "$build/server"
  cd "$build/source" &&
    ./configure --prefix="$prefix" --enable-cassert --enable-debug --without-icu --without-readline --without-zlib CPPFLAGS=-DUSE_VALGRIND &&
    "${make[@]}" -j"$(nproc)" && "${make[@]}" install DESTDIR="$stage" && "${make[@]}" -C src/test/isolation install DESTDIR="$stage" || return
  cp src/tools/valgrind.supp "$stage$prefix" || return
  [ -z "$(find "$stage" ! -type d ! -path "$stage$prefix/*")" ] || { say "installed outside of $prefix"; return 1; }
  cp "$("$PG_CONFIG" --sharedir)"/extension/pgtap* "$("$stage$prefix/bin/pg_config" --sharedir)/extension/" &&
    mv "$stage$prefix" "$build/server" && rm -rf "$stage" "$build"/{source,lists,sources.d,postgresql-*}
}

if [ ! -e "$build/server/valgrind.supp" ]; then
  step "Fetching Debian's sources of PostgreSQL $major" fetch_source
  step "Building a server with assertions (some minutes)" build_server
fi

# The folder $work, with the server in server/ and this checkout in pg_dcb/.
make_assert_work() {
  make_work "$1"
  chmod 755 "$work" # nobody, who runs the server, has to get in
  cp -r "$build/server" "$work/server"
  copy_source "$work/pg_dcb"
}

# Puts a shell script before the server's program, under the program's own name, so that pg_ctl starts it: its first argument is -D then.
wrap_server() {
  mv "$work/server/bin/postgres" "$work/server/bin/postgres.real"
  printf '%s\n' '#!/bin/bash' "$1" "exec $work/server/bin/postgres.real \"\$@\"" > "$work/server/bin/postgres"
  chmod 755 "$work/server/bin/postgres"
}
