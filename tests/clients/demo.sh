#!/bin/sh
# SPDX-License-Identifier: MIT
# The main job (`make demo`): index a directory of text through pool and heap, then look at the heap with the command.
#   demo.sh BUILD_DIRECTORY [DIRECTORY...]     by default midden's own tree and the licence texts of Debian
set -eu
build=$1
shift
[ $# -gt 0 ] || set -- . $([ -d /usr/share/common-licenses ] && echo /usr/share/common-licenses)
snapshot=$build/demo.heapsnapshot
fixture=tests/golden/fixtures/node20-5mb-after.heapsnapshot.gz
work=$(mktemp -d)
report=$work/report
trap 'rm -rf "$work"' EXIT

show() {
    printf '\n$ midden'
    printf ' %s' "$@"
    printf '\n'
    "$build/midden" "$@"
}

rm -f "$snapshot" # of an earlier run
# shellcheck disable=SC2086 # DEMO_OPTIONS is a list of words
{
    status=0
    "$build/concordance" --block 4096 --nursery 512 ${DEMO_OPTIONS:-} --query "${QUERY:-software}" --query "${SECOND_QUERY:-collector}" \
        --snapshot "$snapshot" "$@" || status=$?
    echo "$status" >"$work/status"
} | tee "$report"
# A word that is not found gives status 1 too, but with a snapshot to look at.
[ -e "$snapshot" ] || exit "$(cat "$work/status")"
id=$(sed -n 's/.*its entry is object \(@[0-9]*\) .*/\1/p' "$report" | head -1)

show summary "$snapshot" -n 12
show top "$snapshot" -n 8
[ -z "$id" ] || show path "$snapshot" "$id"
printf '\nThe same of a Node program (a fixture of the tests):\n'
show summary "$fixture" -n 8
show top "$fixture" -n 5
