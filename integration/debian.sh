# Sourced by the scripts that fetch from Debian: an apt of its own under $dest, which needs no root and leaves
# the host's alone. The script sets $dest, and defines `die` and `cached`.

# Waits for whoever fetches the same, ends if that made it; then $stage is $dest in the making.
lock_and_stage() {
  mkdir -p "$(dirname "$dest")" || die "cannot create $(dirname "$dest"): choose a directory that you may write."
  exec 9>"$dest.lock"
  flock 9
  if cached; then exit 0; fi
  stage=$dest.new apt=$dest.new/.apt log=$dest.new/get.log keyring=
  rm -rf "$stage"
  mkdir -p "$stage"
}

# $dest changes in one step.
unstage() {
  rm -rf "$apt" "$stage/keyring" "$dest"
  mv "$stage" "$dest"
}

give_up() {
  [ -s "$log" ] && tail -n 15 "$log" | sed 's/^/  | /' >&2
  die "$1"
}

# An apt world of its own under $apt. The host's proxy settings hold, its hooks and pins do not.
new_world() {
  rm -rf "$apt"
  mkdir -p "$apt"/{lists,cache/archives}/partial
  : >"$apt/status"
  cat >"$apt/conf" <<CONF
Dir::State "$apt";
Dir::State::status "$apt/status";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Architectures { "$(dpkg --print-architecture)"; };
APT::Sandbox::User "root";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Post-Invoke;
CONF
}

# Restricts that world to Debian suites, from the mirrors that the host itself uses where it uses any.
only_suites() {
  local suite
  : >"$apt/sources.list"
  for suite in "$@"; do
    case $suite in
      *-security) echo "deb [signed-by=$keyring] $(mirror debian-security) $suite main" ;;
      *) echo "deb [signed-by=$keyring] $(mirror debian) $suite main" ;;
    esac >>"$apt/sources.list"
  done
  printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "/dev/null";\n' "$apt/sources.list" >>"$apt/conf"
}

mirror() {
  # shellcheck disable=SC2016  # apt-get fills it in
  { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>>"$log" || true; } |
    { grep -E "^https?://.*/$1/?$" || echo "http://deb.debian.org/$1"; } | sort -u | sed -n 1p
}

# Debian's keys: from the host, or (Ubuntu) from the host's own archive, which vouches for the package.
find_keyring() {
  keyring_path || give_up "no Debian archive keys: install the package debian-archive-keyring."
}

keyring_path() {
  for keyring in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
    if [ -r "$keyring" ]; then return 0; fi
  done
  new_world
  apt-get -c "$apt/conf" -qq update >>"$log" 2>&1 || true   # one broken source of the host is not our affair
  (cd "$apt" && apt-get -c "$apt/conf" -qq download debian-archive-keyring >>"$log" 2>&1) || return 1
  dpkg-deb -x "$apt"/debian-archive-keyring_*.deb "$stage/keyring" || return 1
  keyring=$stage/keyring/usr/share/keyrings/debian-archive-keyring.gpg
  [ -r "$keyring" ]
}

# Downloads a wheel from PyPI and unpacks it into $stage/wheel: wheel NAME==VERSION. The pip is Debian's package
# python3-pip-whl, unpacked in $stage/root: the host need not have one.
wheel() {
  local pip
  pip=$(echo "$stage"/root/usr/share/python-wheels/pip-*.whl)
  python3 "$pip/pip" download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --implementation cp --python-version 3.11 --abi cp311 --abi none --platform "manylinux_2_34_$(uname -m)" \
    --platform "manylinux_2_17_$(uname -m)" --dest "$stage/wheel" "$1" >>"$log" 2>&1 ||
    give_up "$1 is not available from PyPI for $(uname -m): is PyPI reachable?"
  python3 -m zipfile -e "$stage"/wheel/*.whl "$stage/wheel" >>"$log" 2>&1
}
