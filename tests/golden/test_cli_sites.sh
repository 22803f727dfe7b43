#!/bin/sh
# SPDX-License-Identifier: MIT
# Allocation sites: tables by hand, of a dump whose every site has its site and of one that was sampled.
. tests/support/tap.sh

dump() { # what stands in the header, trace_tree
    cat <<END
{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count","trace_node_id","detachedness"],"node_types":[["object","synthetic"],"string","number","number","number","number","number"],"edge_fields":["type","name_or_index","to_node"],"edge_types":[["element"],"string_or_number","node"],"trace_function_info_fields":["function_id","name","script_name","script_id","line","column"],"trace_node_fields":["id","function_info_index","count","size","children"]},"node_count":4,"edge_count":3,"trace_function_count":1$1},
"nodes":[1,0,1,0,3,0,0, 0,1,3,100,0,4,0, 0,1,5,100,0,4,0, 0,1,7,300,0,3,0],
"edges":[0,1,7, 0,2,14, 0,3,21],
"trace_function_infos":[0,0,0,0,0,0, 1,2,4,7,1,5, 2,3,4,7,30,2],
"trace_tree":$2,
"strings":["(root)","Thing","main","par\\u001bse","app.js"]}
END
}
tree='[1,0,0,0,[2,1,0,0,[4,2,10,1000,[]], 3,2,5,1500,[]]]'
dump '' "$tree" >"$tmp/all"
dump ',"sample_bytes":200' "$tree" >"$tmp/sampled"

same "bytes by site, where all objects have one" '{"file":"all","sample_bytes":0,"sites":[
{"id":3,"live_bytes":300,"count":1,"shallow":300,"allocated_count":5,"allocated_size":1500,"allocated_at":[{"name":"par\u001bse","script":"app.js","line":30,"column":2}]},
{"id":4,"live_bytes":200,"count":2,"shallow":200,"allocated_count":10,"allocated_size":1000,"allocated_at":[{"name":"par\u001bse","script":"app.js","line":30,"column":2},{"name":"main","script":"app.js","line":1,"column":5}]}]}' \
    "$(cd "$tmp" && "$midden" summary --json --by=site all)"
# 2 * 100 / (1 - exp(-1/2)) = 508.3; 300 / (1 - exp(-3/2)) = 386.2
same "a sample stands for many" '508 386' \
    "$("$midden" summary --json --by=site "$tmp/sampled" | sed -n 's/.*"live_bytes":\([0-9]*\).*/\1/p' | paste -sd' ')"
same "only what is selected" '3' \
    "$("$midden" summary --json --by=site --where 'size>200' "$tmp/all" | sed -n 's/^{"id":\([0-9]*\).*/\1/p')"
"$midden" summary --by=site "$tmp/sampled" >"$tmp/out"
check "the table says that it estimates" grep -q 'one object in 200 B was sampled' "$tmp/out"
check "the innermost call comes first, and nothing reaches the terminal raw" sh -c "grep -q 'par.*se (app.js:30) < main (app.js:1)' '$tmp/out' && ! grep -q \"\$(printf '\\033')\" '$tmp/out'"
check "an object has its stack" sh -c "'$midden' object '$tmp/all' @3 | grep -q 'allocated .*se (app.js:30) < main (app.js:1)'"
check "and in JSON" sh -c "'$midden' object --json '$tmp/all' @7 | grep -q '\"allocated_at\":\\[{\"name\":'"
"$midden" summary --by=site --index="$tmp" "$tmp/all" >"$tmp/first" 2>&1
"$midden" summary --by=site --index="$tmp" "$tmp/all" >"$tmp/second" 2>&1
check "the same out of an index" cmp "$tmp/first" "$tmp/second"

broken() { # name, trace_tree, words
    dump '' "$2" >"$tmp/broken"
    "$midden" summary "$tmp/broken" >"$tmp/out" 2>&1
    same "$1" "$3" "$(grep -o "$3" "$tmp/out" | head -n 1)"
}
broken "two sites of one id" '[1,0,0,0,[2,1,0,0,[],2,2,1,1,[]]]' 'an id is given to more than one site'
broken "a function that is not there" '[1,0,0,0,[2,9,0,0,[]]]' 'a site names a function that is not there'
broken "a tree that ends early" '[1,0,0,0,[2,1' "expected a number of a site"
broken "a word for a number" '[1,0,0,0,[2,"x",0,0,[]]]' 'expected a number of a site'
broken "no list at all" '7' 'allocation sites of an unknown layout are passed over'
broken "a comma without a site" '[1,0,0,0,[2,1,0,0,[],]]' 'expected a number of a site'
finish
