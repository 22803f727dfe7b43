#!/bin/sh
# SPDX-License-Identifier: MIT
# work.sh PROGRAM SCALE: a real program's work, whose output is the same each time, in a directory of its own ($WORK_DIR or
# a fresh one). Exit status 77: the program is not installed. MALLOC, if set, is preloaded to the program and to whatever it
# starts, and not to this shell.
set -eu
program=$1 scale=${2:-1}
dir=${WORK_DIR:-$(mktemp -d)}
[ -n "${WORK_DIR:-}" ] || trap 'rm -rf "$dir"' EXIT
here=$(cd "$(dirname "$0")/../../.." && pwd)
cd "$dir"

need() { command -v "$1" >/dev/null 2>&1 || exit 77; }
run() {
    if [ -n "${MALLOC:-}" ]; then LD_PRELOAD=$MALLOC "$@"; else "$@"; fi
}

work_redis() {
    need redis-server && need redis-benchmark
    socket=$dir/redis.sock
    ask() { redis-cli -s "$socket" "$@"; }
    run redis-server --port 0 --unixsocket "$socket" --dir "$dir" --save '' --daemonize no \
        --enable-debug-command yes >"$dir/redis.log" 2>&1 &
    server=$!
    trap 'kill $server 2>/dev/null || true' EXIT
    for _ in $(seq 100); do ask ping >/dev/null 2>&1 && break; sleep 0.05; done
    ask ping
    redis-benchmark -s "$socket" -q -P 16 -r 100000 -n $((20000 * scale)) -t set,get,incr,lpush,sadd,hset,zadd,mset -d 100 \
        >"$dir/benchmark" 2>&1
    tr '\r' '\n' <"$dir/benchmark" | grep -c 'requests per second' || true
    ask flushall
    ask eval "for i = 1, $((20000 * scale)) do
        redis.call('set', 's' .. i, string.rep('x', i % 700))
        redis.call('rpush', 'l' .. i % 50, i)
        redis.call('hset', 'h' .. i % 70, i, i * 3)
        redis.call('zadd', 'z', i % 977, i)
        if i % 3 == 0 then redis.call('del', 's' .. i / 3) end
        if i % 5 == 0 then redis.call('append', 's' .. i, string.rep('y', i % 300)) end
    end return redis.call('dbsize')" 0
    ask debug digest
    ask bgsave >/dev/null
    while ask info persistence | grep -q 'rdb_bgsave_in_progress:1'; do sleep 0.05; done
    ask info persistence | tr -d '\r' | grep rdb_last_bgsave_status
    ask debug reload
    ask debug digest
    ask shutdown nosave || true
    wait $server
}

work_sqlite3() {
    need sqlite3
    run sqlite3 "$dir/t.db" <<SQL
PRAGMA journal_mode=WAL;
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, n INTEGER, body BLOB);
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < $((100000 * scale)))
  INSERT INTO t SELECT i, printf('name %d', i * 7919 % 10007), i % 101, zeroblob(i % 300) FROM c;
CREATE INDEX by_name ON t(name);
CREATE INDEX by_n ON t(n, name);
SELECT n, count(*), sum(length(body)), max(name) FROM t GROUP BY n ORDER BY 3, 1 LIMIT 20;
UPDATE t SET name = upper(name) || n WHERE id % 3 = 0;
DELETE FROM t WHERE n = 7;
SELECT count(*), group_concat(DISTINCT n) FROM t WHERE name LIKE 'NAME 1%';
SELECT a.n, count(*) FROM t a JOIN t b ON a.name = b.name AND a.id < b.id GROUP BY a.n ORDER BY 2 DESC, 1 LIMIT 5;
VACUUM;
PRAGMA integrity_check;
SQL
}

work_lua() {
    need lua5.4
    cat >"$dir/w.lua" <<'LUA'
local scale, sum = tonumber(arg[1]), 0
local words, tree = {}, {}
for i = 1, 200000 * scale do
    local w = ("w" .. i * 7919 % 5003):rep(i % 5 + 1)
    words[w] = (words[w] or 0) + 1
    tree = {tree[1] and tree[1], i % 3 == 0 and {i, tostring(i)} or nil, w}
    if i % 1000 == 0 then collectgarbage("step") end
end
local keys = {}
for k in pairs(words) do keys[#keys + 1] = k end
table.sort(keys)
for i, k in ipairs(keys) do sum = (sum * 31 + #k * words[k] + i) % 1000000007 end
local parts = {}
for i = 1, 20000 * scale do parts[i] = string.format("%d:%s", i, keys[i % #keys + 1]) end
local text = table.concat(parts, ",")
print(#keys, sum, #text, select(2, text:gsub("w1", "x")))
LUA
    run lua5.4 "$dir/w.lua" "$scale"
}

work_python3() {
    need python3
    cat >"$dir/w.py" <<'PY'
import json, re, sys, threading, hashlib, subprocess
scale = int(sys.argv[1])
docs = [{"id": i, "tags": ["t%d" % (i * k % 97) for k in range(i % 7)], "text": "lorem %d ipsum " % i * (i % 5)}
        for i in range(20000 * scale)]
back = json.loads(json.dumps(docs))
index = {}
for d in back:
    for t in d["tags"]:
        index.setdefault(t, []).append(d["id"])
print(len(index), sum(map(len, index.values())), len(re.findall(r"\d+ ip", " ".join(d["text"] for d in back))))
out = [None] * 4
def work(k):
    h = hashlib.sha256()
    for i in range(5000 * scale):
        h.update(bytes(str([k, i, {"x": i}]), "ascii"))
    out[k] = h.hexdigest()
ts = [threading.Thread(target=work, args=(k,)) for k in range(4)]
[t.start() for t in ts]; [t.join() for t in ts]
print(*out)
grow = []
for i in range(300000 * scale):
    grow.append(i)
data = bytearray()
for i in range(2000):
    data += bytes(997)
print(len(grow), len(data), subprocess.run(["echo", "child"], capture_output=True).stdout)
PY
    python=$(python3 -c 'import sys; print(sys.executable)')
    PYTHONMALLOC=malloc PYTHONHASHSEED=0 run "$python" "$dir/w.py" "$scale"
}

work_node() {
    need node
    cat >"$dir/w.js" <<'JS'
const crypto = require('crypto'), zlib = require('zlib');
const scale = Number(process.argv[2]);
let kept = [], h = crypto.createHash('sha256');
for (let i = 0; i < 100000 * scale; i++) {
    const b = Buffer.from('item ' + i * 7919);
    if (i % 10 === 0) kept.push(b);
    if (kept.length > 5000) kept.splice(0, 2500);
    h.update(b);
}
for (let i = 0; i < 100 * scale; i++) {
    const raw = Buffer.alloc(50000 + i * 100, 'abc' + i);
    if (!zlib.gunzipSync(zlib.gzipSync(raw)).equals(raw)) throw new Error('zlib');
}
console.log(h.digest('hex'), kept.length, JSON.stringify(JSON.parse(JSON.stringify(kept.slice(0, 100)))).length);
JS
    run node "$dir/w.js" "$scale"
}

work_git() {
    need git
    export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' GIT_CONFIG_NOSYSTEM=1 HOME=$dir
    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b.c GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b.c
    run git init -q -b main "$dir/repo"
    cd "$dir/repo"
    for i in $(seq $((4 * scale))); do
        for j in $(seq 1 40); do seq "$j" $((i * 37)) >"f$j"; done
        run git add .
        run git commit -qm "commit $i"
    done
    run git gc -q --aggressive
    run git fsck --strict 2>&1
    run git log --stat -p | cksum
    run git rev-parse HEAD
    run git clone -q . ../clone
    run git -C ../clone blame f7 | cksum
}

work_gcc() {
    need gcc
    for f in "$here"/alloc/*.c; do
        run gcc -std=c17 -D_GNU_SOURCE -O2 -I"$here/alloc/base/include" -I"$here/alloc/include" -S -o - "$f"
        [ "$scale" -gt 1 ] || [ "$(basename "$f")" != chain.c ] || break
    done | cksum
}

work_"$program"
