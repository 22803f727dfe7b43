#!/bin/sh
# SPDX-License-Identifier: MIT
#
# programs.sh RECORD.so TRACES CC: records what real programs allocate while they work on the demo's input, the text of this tree
# and of the system's licences, each into TRACES/NAME.trace. Each makes what the demo makes, an index of words, or does
# with the input what it is for:
#
#     sqlite3   a table of all words in memory, an index, the lines of each word
#     lua       the same in tables and strings
#     node      the same in a Map of arrays
#     perl      the same in a hash of arrays
#     git       a repository of the files, packed
#     gcc       one of the C files compiled
#
# A program that is not installed is left out with a notice. Of the processes that one starts that with the largest trace is kept.
set -eu
[ $# -eq 3 ] || { echo 'usage: programs.sh RECORD.so TRACES CC' >&2; exit 2; }
record=$1 traces=$2 cc=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$traces" "$work/files"

# The input: text files of the tree (what is built is no text of it), one name each, and all of their words with the line.
find . -path ./build -prune -o -path './.*' -prune -o -type f \( -name '*.[ch]' -o -name '*.md' -o -name '*.sh' \) -print | sort |
    while read -r file; do cp "$file" "$work/files/$(echo "$file" | tr / _ | cut -c3-)"; done
[ ! -d /usr/share/common-licenses ] || for file in /usr/share/common-licenses/*; do [ -L "$file" ] || cp "$file" "$work/files/"; done
cat "$work"/files/* >"$work/text"
LC_ALL=C awk '{ gsub(/[^A-Za-z0-9_]+/, " "); n = split($0, w, " "); for (i = 1; i <= n; i++) print NR "," w[i] }' "$work/text" >"$work/words"

cat >"$work/index.sql" <<'SQL'
create table word(line integer, word text);
.mode csv
.import WORDS word
create index by_word on word(word, line);
select count(*) from (select word, group_concat(line) from word group by word);
select word, count(*) from word group by word order by 2 desc limit 20;
SQL
sed -i "s|WORDS|$work/words|" "$work/index.sql"
cat >"$work/index.lua" <<'LUA'
local lines, number = {}, 0
for line in io.lines(arg[1]) do
    number = number + 1
    for word in line:gmatch("[%w_]+") do
        local at = lines[word]
        if at then at[#at + 1] = number else lines[word] = {number} end
    end
end
local words = {}
for word in pairs(lines) do words[#words + 1] = word end
table.sort(words)
for _, word in ipairs(words) do lines[word] = word .. ": " .. table.concat(lines[word], " ") end
print(#words)
LUA
cat >"$work/index.js" <<'JS'
const text = require('fs').readFileSync(process.argv[2], 'latin1');
const lines = new Map();
let number = 0;
for (const line of text.split('\n')) {
    number++;
    for (const word of line.match(/\w+/g) ?? [])
        lines.has(word) ? lines.get(word).push(number) : lines.set(word, [number]);
}
console.log([...lines].sort().map(([word, at]) => `${word}: ${at.join(' ')}`).length);
for (let i = 0; i < 20; i++) require('zlib').deflateSync(text); // its memory is outside of the collected heap
JS
cat >"$work/index.pl" <<'PERL'
my %lines;
while (<>) { push @{ $lines{$1} }, $. while /(\w+)/g }
$lines{$_} = "$_: @{ $lines{$_} }" for sort keys %lines;
print scalar(keys %lines), "\n";
PERL
cat >"$work/pack" <<'SH'
git init -q "$1/repository" && cd "$1/repository" && cp ../files/* . && git add -A &&
    git -c user.name=bench -c user.email=bench@localhost commit -qm files && git repack -qadf --threads=1
SH

trace() { # NAME COMMAND...
    name=$1
    shift
    dir=$(mktemp -d "$work/XXXXXX")
    command -v "$1" >/dev/null && MIDDEN_TRACE=$dir LD_PRELOAD=$record "$@" >/dev/null 2>"$work/said" || {
        echo "bench: no trace of $name: $(head -n 1 "$work/said" 2>/dev/null | grep . || echo "there is no $1")" >&2
        return 0
    }
    largest=$(find "$dir" -name '*.trace' -exec ls -S {} + | head -n 1)
    [ -n "$largest" ] || { echo "bench: no trace of $name: it wrote none" >&2; return 0; }
    mv "$largest" "$traces/$name.trace"
}

lua=$(command -v lua5.4 || command -v lua || echo lua)
trace sqlite3 sqlite3 -init "$work/index.sql" :memory: .quit
trace lua "$lua" "$work/index.lua" "$work/text"
trace node node "$work/index.js" "$work/text"
trace perl perl "$work/index.pl" "$work/text"
command -v git >/dev/null && trace git sh "$work/pack" "$work" || echo 'bench: no trace of git: there is no git' >&2
trace gcc "$cc" -std=c17 -D_GNU_SOURCE -O2 -Ialloc/base/include -Ialloc/include -c -o /dev/null alloc/pool.c
ls -l "$traces"/*.trace | awk '{ printf "%-32s %8.0f events\n", $9, ($5 - 24) / 8 }'
