#!/usr/bin/env bash
# Brings a fresh Debian 12 (git, make, root) to where Tarn builds and tests: Debian packages, DuckDB and a Python
# environment for the tests. Everything is pinned and checked by hash. Safe to run again: what is there is left alone.
#
#   scripts/setup.sh          what building and testing needs
#   scripts/setup.sh lint     adds clang-format, clang-tidy and Clang with its sanitizer and fuzzer runtimes
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
deps=$root/.deps
want=${1:-build}

duckdb_version=1.5.6
duckdb_package=@duckdb/node-bindings-linux-x64@1.5.6-r.1
duckdb_package_sha256=1b9f82478539bb9a1d1df44bd103121a12ae52142c07158dc52b97d2ec1d69ff
duckdb_source_sha256=166a91dbfacfc0c9f08cc76c0243cb6d3d4296bfab5bad72a3cfb63140a5b7c8
clang_packages=(clang-16 clang-tidy-16 clang-format-16 libclang-rt-16-dev lld-16)

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# What a finished run of this very script with these very lists left behind; a second run stops here.
stamp=$(cat scripts/setup.sh scripts/packages-debian.txt scripts/requirements.txt | sha256sum | cut -d' ' -f1)
done_with() { [ -f "$deps/.stamp-$1" ] && [ "$(cat "$deps/.stamp-$1")" = "$stamp" ]; }

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || die "this script knows Linux on x86_64 only; this is $(uname -s) on $(uname -m)"

apt_install() {
  local sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  say "installing $* (Debian)"
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$@" > "$deps/apt.log" 2>&1 ||
    { tail -n 20 "$deps/apt.log" >&2; die "apt-get failed; the whole log is $deps/apt.log"; }
}

installed_version() { dpkg-query -W -f='${db:Status-Status} ${Version}' "$1" 2>/dev/null | sed -n 's/^installed //p'; }

debian_packages() {
  local missing=() name version
  while read -r name version; do
    case $name in '' | '#'*) continue ;; esac
    # A tool that is there already, whoever installed it, is good enough.
    if [ "$version" = '*' ] && command -v "$name" > /dev/null; then continue; fi
    [ -n "$(installed_version "$name")" ] || missing+=("$name")
  done < scripts/packages-debian.txt
  [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
  while read -r name version; do
    case $name in '' | '#'*) continue ;; esac
    [ "$version" = '*' ] && continue
    case $(installed_version "$name") in
      "$version"*) ;;
      *) die "Debian package $name is $(installed_version "$name"), but $version is wanted: this is not Debian 12, or scripts/packages-debian.txt is old" ;;
    esac
  done < scripts/packages-debian.txt
}

duckdb() {
  [ -f "$deps/duckdb/VERSION" ] && [ "$(cat "$deps/duckdb/VERSION")" = "$duckdb_version" ] && return
  say "fetching DuckDB $duckdb_version: library (npm), headers (PyPI)"
  local work
  work=$(mktemp -d "$deps/duckdb-XXXXXX")
  (
    cd "$work"
    npm pack --silent "$duckdb_package" > /dev/null
    echo "$duckdb_package_sha256  $(ls ./*.tgz)" | sha256sum --check --quiet
    python3 -m pip download --quiet --disable-pip-version-check --no-binary duckdb --no-deps "duckdb==$duckdb_version"
    echo "$duckdb_source_sha256  $(ls ./*.tar.gz)" | sha256sum --check --quiet
    mkdir -p duckdb/lib
    tar xzf ./*.tgz package/libduckdb.so package/LICENSE
    mv package/libduckdb.so duckdb/lib/
    mv package/LICENSE duckdb/
    strip duckdb/lib/libduckdb.so
    tar xzf ./*.tar.gz "duckdb-$duckdb_version/external/duckdb/src/include"
    mv "duckdb-$duckdb_version/external/duckdb/src/include" duckdb/include
    echo "$duckdb_version" > duckdb/VERSION
  )
  rm -rf "$deps/duckdb"
  mv "$work/duckdb" "$deps/duckdb"
  rm -rf "$work"
}

python_environment() {
  local sum
  sum=$(sha256sum scripts/requirements.txt | cut -d' ' -f1)
  [ -f "$deps/venv/requirements.sha256" ] && [ "$(cat "$deps/venv/requirements.sha256")" = "$sum" ] && return
  say "making the tests' Python environment (deltalake, Kafka clients, jinja2)"
  rm -rf "$deps/venv"
  python3 -m venv "$deps/venv"
  "$deps/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r scripts/requirements.txt
  echo "$sum" > "$deps/venv/requirements.sha256"
}

mkdir -p "$deps"
if ! done_with build; then
  debian_packages
  duckdb
  python_environment
  echo "$stamp" > "$deps/.stamp-build"
  say "ready to build"
fi
if [ "$want" = lint ] && ! done_with lint; then
  missing=()
  for package in "${clang_packages[@]}"; do [ -n "$(installed_version "$package")" ] || missing+=("$package"); done
  [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
  echo "$stamp" > "$deps/.stamp-lint"
  say "ready to lint, fuzz and sanitize"
fi
