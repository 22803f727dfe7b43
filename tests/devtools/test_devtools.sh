#!/bin/sh
# SPDX-License-Identifier: MIT
# Chrome DevTools' own loader opens what midden writes, and finds the same sizes, dominators, distances and classes as
# midden does. Opt-in: DEVTOOLS=1 make test-devtools. It needs node and npm, and fetches two packages (some 100 MB) once
# for a build tree; nothing of them is kept in the source tree.
#
#   DEVTOOLS_FILES="a.heapsnapshot b.heapsnapshot"   are judged as well; so is the demo's, once it has run

skip() { echo "1..0 # SKIP $1"; exit 0; }
[ "$DEVTOOLS" = 1 ] || skip 'set DEVTOOLS=1 to have DevTools judge our snapshots (needs node, npm and a network)'
[ "$MODE" = opt ] || skip "runs in MODE=opt, not $MODE"
command -v node >/dev/null || skip 'node is not installed'
command -v npm >/dev/null || skip 'npm is not installed'

for file in "$O/midden" "$O/tests/generate/generate" "$O/tests/devtools/sample"; do
    [ -e "$file" ] || { echo "Bail out! $file is not built: make $file"; exit 2; }
done

here=$(cd "$(dirname "$0")" && pwd)
work=$O/tests/devtools/judge
mkdir -p "$work"
cp "$here"/*.mjs "$here"/*.ts "$here"/package.json "$here"/package-lock.json "$work"/
if ! cmp -s "$work/package-lock.json" "$work/installed"; then
    (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1) ||
        skip "npm could not install DevTools (see $work/npm.log)"
    cp "$work/package-lock.json" "$work/installed"
fi

failed=0
n=0
result() { # status, name
    n=$((n + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; fi
}

judge() { # snapshot, name
    rm -rf "$work/columns"
    "$O/midden" export "$1" --columns "$work/columns" >/dev/null 2>&1 && "$O/midden" summary "$1" --json >"$work/summary.json" &&
        node --max-old-space-size=4000 "$work/compare.mjs" "$1" "$work/columns" "$work/summary.json" >"$work/answers"
    status=$?
    sed 's/^/# /' "$work/answers"
    : >"$work/answers"
    result $status "$2"
}

node "$work/build.mjs"
result $? 'the loader is bundled'
for kind in graph heap; do
    for seed in 1 2 3; do
        "$O/tests/devtools/sample" $kind $seed "$work/sample.heapsnapshot" && judge "$work/sample.heapsnapshot" "a random $kind, seed $seed"
    done
done
for how in node20 node26 chrome; do
    "$O/tests/generate/generate" --bytes=3M --seed=5 --as=$how "$work/sample.heapsnapshot" &&
        judge "$work/sample.heapsnapshot" "a generated snapshot in the layout of $how"
done
for file in "$O/demo.heapsnapshot" $DEVTOOLS_FILES; do
    [ ! -e "$file" ] || judge "$file" "$file"
done
echo "1..$n"
exit $failed
