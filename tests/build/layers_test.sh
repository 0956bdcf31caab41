#!/usr/bin/env bash
# A module compiles with what cmake/layers.txt allows and with nothing else: for every module, an include of an allowed
# module's header compiles and an include of a forbidden one is an error that names the file.
set -euo pipefail
compiler=$1 build=$2 source=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checked=0

closure() {  # the modules that $1 may include, itself included
  local todo=("$1") seen=" " next uses
  while [ ${#todo[@]} -gt 0 ]; do
    next=${todo[0]}
    todo=("${todo[@]:1}")
    case $seen in *" $next "*) continue ;; esac
    seen+="$next "
    uses=$(sed -n "s/^$next://p" "$source/cmake/layers.txt")
    for use in base $uses; do todo+=("$use"); done
  done
  echo "$seen"
}

for root in "$build"/layers/*; do
  module=$(basename "$root")
  allowed=$(closure "$module")
  for other in $(sed -n 's/^\([a-z]*\):.*/\1/p' "$source/cmake/layers.txt"); do
    header=$(cd "$source/src" && ls "$other"/*.h 2> /dev/null | head -n 1) || true
    [ -n "$header" ] || continue
    echo "#include \"$header\"" > "$work/probe.cc"
    if echo "$allowed" | grep -q " $other "; then
      # Preprocessing finds our header; what that header needs of other libraries is not the question here.
      "$compiler" -std=c++20 -M -MG -I "$root" "$work/probe.cc" > "$work/found" 2>&1
      grep -q "layers/$module/$header" "$work/found" ||
        { echo "$module may use $other, but $header is not found"; exit 1; }
    else
      if "$compiler" -std=c++20 -fsyntax-only -I "$root" "$work/probe.cc" 2> "$work/errors"; then
        echo "$module may not use $other, but an include of $header compiles"; exit 1
      fi
      grep -q "$header" "$work/errors" || { cat "$work/errors"; exit 1; }
    fi
    checked=$((checked + 1))
  done
done
# What docs/ARCHITECTURE.md says of the modules is what the build does.
while IFS=: read -r module uses; do
  line=$(grep -F "| [\`$module\`]" "$source/docs/ARCHITECTURE.md") || { echo "docs/ARCHITECTURE.md does not name $module"; exit 1; }
  told=$(echo "${line%|}" | sed 's/.*|//' | tr -d '`–' | xargs)
  [ "$told" = "$(echo $uses)" ] || { echo "docs/ARCHITECTURE.md says that $module may use '$told', cmake/layers.txt '$(echo $uses)'"; exit 1; }
done < <(grep -E '^[a-z]+:' "$source/cmake/layers.txt")
[ "$checked" -gt 0 ] || { echo "nothing was checked"; exit 1; }
echo "$checked pairs of modules hold"
