# Root folders of other Debian releases, each with its PostgreSQL, below build/matrix; they are kept for the next time (0.6 GB each; `make clean` removes them).
# Mounts and processes die with the namespace they live in. Sourced after lib.sh; needs root.

declare -A release=([17]=trixie [18]=forky)

# The server's headers are unpacked and not installed, since that would bring clang and llvm along.
make_root() {
  local major=$1 folder=$2
  mmdebstrap --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
    --essential-hook='mkdir -p "$1/etc/postgresql-common" && echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"' \
    --include="postgresql-$major,postgresql-$major-pgtap,g++,make,libpq-dev,postgresql-common-dev,libtap-parser-sourcehandler-pgtap-perl" \
    --customize-hook="chroot \"\$1\" sh -c 'cd /tmp && apt-get download postgresql-server-dev-$major && dpkg -x postgresql-server-dev-*.deb / && rm *.deb'" \
    "${release[$major]}" "$folder"
}

# Sets $folder to the root folder for PostgreSQL $1, with this checkout in it as /pg_dcb.
root_folder() {
  local major=$1
  [ "$(id -u)" -eq 0 ] || die "run this as root: it makes root folders"
  [ -n "${release[$major]:-}" ] || die "no Debian release is known for PostgreSQL $major"
  folder=$root/build/matrix/$major
  mkdir -p "$root/build/matrix"
  if [ ! -d "$folder" ]; then
    rm -rf --one-file-system "$folder.new"
    step "Making a root folder of Debian ${release[$major]} with PostgreSQL $major" make_root "$major" "$folder.new"
    mv "$folder.new" "$folder"
  fi
  rm -rf --one-file-system "$folder/pg_dcb"
  copy_source "$folder/pg_dcb" || exit
}

in_root() {
  local folder=$1
  shift
  unshare --mount --pid --fork --kill-child --propagation private sh -c '
    mount -t proc proc "$0/proc" && mkdir -p "$0/dev/shm" && mount -t tmpfs tmpfs "$0/dev/shm" &&
    exec chroot "$0" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 WITH_LLVM=no "$@"' "$folder" "$@"
}
