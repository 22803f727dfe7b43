#!/bin/sh
# SPDX-License-Identifier: MIT
# `make papers`: the pages name what is there. Each page cites an entry of references.bib, stands in the table of
# README.md, and links files of the tree that exist and Notes and invariants that stand in them.
set -u
cd "$(dirname "$0")" || exit 2
pages=0 bad=0
complain() { echo "papers: $*" >&2; bad=1; }

for page in *.md; do
    for link in $(grep -oE '\]\([^)#:]+' "$page" | cut -c3- | sort -u); do
        [ -e "$link" ] || complain "$page links $link, which is not there"
    done
    [ "$page" = README.md ] && continue
    pages=$((pages + 1))
    grep -qF "($page)" README.md || complain "$page is not in the table of README.md"
    key=${page%.md}
    grep -qE "^@[a-z]+\{$key," references.bib || grep -qE '\[@[a-z0-9-]+\]' "$page" || complain "$page has no entry $key in references.bib"
    for cited in $(grep -oE '\[@[a-z0-9-]+\]' "$page" | tr -d '[]@' | sort -u); do
        grep -qE "^@[a-z]+\{$cited," references.bib || complain "$page cites $cited, which references.bib lacks"
    done
    grep -oE 'Note \[[^]]+\]' "$page" | sort -u | while read -r note; do
        grep -rqF "$note" ../alloc ../gc ../heapdump || echo "$note"
    done | grep . && complain "$page names a Note that no source has"
done
[ $bad -eq 0 ] && echo "papers: $pages pages, all that they name is there"
exit $bad
