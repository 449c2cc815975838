# Sourced by the test: stand-ins for the public images, under their names. They are made of Debian packages, of what
# `integration/haproxy/get` and `integration/witnesses/get` fetch, and of the toolchain and the crates of this machine.

# What comes from elsewhere, as long as the network is the host's.
fetch() {
  local branch
  integration/stack/get "$got"
  for branch in 3.2 3.0 2.6; do integration/haproxy/get "$branch" "$target/haproxy/$branch"; done
  integration/witnesses/get rotel "$target/witnesses/rotel"
  cargo fetch --quiet --locked --target "$(host_triple)"
}

# The image that a service of a compose file names, or the one of a stage of the Dockerfile.
image_of() {
  local file=$1 service=$2
  $docker compose -f "$file" config --format json 2>/dev/null |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["services"][sys.argv[1]]["image"])' "$service"
}

base_image() { sed -n "s/^FROM \($1[^ ]*\).*/\1/p" Dockerfile | sort -u; }

# stand_in IMAGE CHANGE … -- what `tar` shall pack
stand_in() {
  local name=$1 changes=()
  shift
  while [ "$1" != -- ]; do changes+=(--change "$1"); shift; done
  shift
  tar --create --owner=0 --group=0 --numeric-owner "$@" | $docker import "${changes[@]}" - "$name" >/dev/null
  echo "  $name"
}

# One folder with what is in these: an image takes no path twice.
merged() {
  local folder
  rm -rf "$data/merged"
  mkdir "$data/merged"
  for folder in "$@"; do cp -al --remove-destination "$folder/." "$data/merged/"; done
}

make_images() {
  local roots=$got/roots haproxy rotel
  rust_image
  merged "$roots"/{slim,busybox,prometheus}
  stand_in "$(image_of docker-compose.yml prometheus)" 'ENTRYPOINT ["/usr/bin/prometheus"]' 'VOLUME /prometheus' \
    -- -C "$data/merged" .
  stand_in "$(image_of docker-compose.yml whoami)" 'ENTRYPOINT ["/usr/bin/python3.11", "/whoami.py"]' \
    -- -C "$roots/python" . -C "$PWD/integration/stack" whoami.py
  haproxy_image 3.2 docker-compose.yml
  haproxy_image 3.0 docker-compose.haproxy-3.0.yml
  haproxy_image 2.6 docker-compose.haproxy-2.6.yml
  # Not a stand-in: in the place of the collector, under a name of its own.
  merged "$roots/slim" "$target/witnesses/rotel/root"
  stand_in spoa-stack/rotel 'ENTRYPOINT ["/rotel"]' -- -C "$data/merged" .
}

haproxy_image() {
  local place=$data/merged root=$target/haproxy/$1/root name
  name=$(image_of "$2" haproxy)
  merged "$got/roots/busybox" "$root"
  mkdir -p "$place"/{lib64,usr/local/{bin,sbin,etc/haproxy},var/lib/haproxy}
  ln -sf "/usr/lib/$triplet/$(cd "$root/usr/lib/$triplet" && echo ld-linux*.so.*)" "$place/lib64/"
  ln -s /usr/sbin/haproxy "$place/usr/local/sbin/"
  # As the public one: its user, its folders, where the program is, and how it runs and is stopped.
  cat >"$place/usr/local/bin/docker-entrypoint.sh" <<'SH'
#!/bin/sh
if [ "$1" = haproxy ]; then
  shift
  set -- haproxy -W -db "$@"
fi
exec "$@"
SH
  chmod +x "$place/usr/local/bin/docker-entrypoint.sh"
  stand_in "$name" 'USER 99:99' 'WORKDIR /var/lib/haproxy' \
    'ENTRYPOINT ["docker-entrypoint.sh"]' 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    -- -C "$place" .
  # An import knows no signal.
  printf 'FROM %s\nSTOPSIGNAL SIGUSR1\n' "$name" | "$docker" build --quiet --tag "$name" - >/dev/null
}

# The compiler and a linker. The crates, and what the last `cargo build --release` on this machine has made of them,
# lie where cargo finds them: it decides itself what of that is fresh. What is ours is not among them.
rust_image() {
  local cargo_home=${CARGO_HOME:-$HOME/.cargo} sysroot crate
  sysroot=$(rustc --print sysroot)
  {
    printf '%s\n' "$sysroot"/bin/{cargo,rustc} "$sysroot"/lib/*.so* "$sysroot/lib/rustlib/$(host_triple)"
    find "$cargo_home/registry/index" -maxdepth 1 -mindepth 1
    for crate in $(crates); do
      find "$cargo_home"/registry/{cache,src}/* -maxdepth 1 \( -name "$crate" -o -name "$crate.crate" \)
    done
    compiled
  } >"$run/rust.files"
  merged "$got/roots/rust"
  mkdir -p "$data/merged/etc/ssl/certs"
  cp /etc/ssl/certs/ca-certificates.crt "$data/merged/etc/ssl/certs/"
  stand_in "$(base_image rust)" "ENV CARGO_HOME=$cargo_home PATH=$sysroot/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    -- -C "$data/merged" . --transform "s,^/*${target#/}/,target/," --files-from "$run/rust.files"
}

crates() { awk '$1 == "name" { name = $3 } $1 == "version" { print name "-" $3 }' Cargo.lock | tr -d '"' | sort -u; }

host_triple() { rustc -vV | sed -n 's/^host: //p'; }

compiled() {
  [ -d "$target/release/deps" ] || return 0
  find "$target/release/deps" -maxdepth 1 -name '*.*' ! -name '*spoa*' ! -name '*.o'
  find "$target/release/"{build,.fingerprint} -maxdepth 1 -mindepth 1 ! -name 'spoa-*'
}
