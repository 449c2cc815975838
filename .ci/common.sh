# Sourced by the stages: what they say, and what they need.
# shellcheck shell=bash

step() { printf '\n== %s\n' "$*"; }

# In CI, installs each tool that is not there, as TOOL or TOOL=PACKAGE. A developer's machine is left as it is.
provide() {
    local tool missing=()
    [ "${CI:-}" = true ] || return 0
    for tool; do
        command -v "${tool%=*}" >/dev/null || missing+=("${tool#*=}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    step "installing ${missing[*]}"
    apt-get -qq update && apt-get -qq install -y --no-install-recommends "${missing[@]}"
}

# Ends the stage unless the command works: needed WHAT COMMAND … A developer may lack a tool; CI may not.
needed() {
    local what=$1
    shift
    "$@" >/dev/null 2>&1 && return
    step "NOT CHECKED: $what needs \`$*\`"
    [ "${CI:-}" != true ] || exit 1
    exit 0
}
