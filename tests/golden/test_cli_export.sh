#!/bin/sh
# `midden export --columns`: the arrays have the sha256 that DevTools' own arrays have.
. tests/support/tap.sh
fixtures=tests/golden/fixtures

answer() { # name key: one string of a .devtools.json
    sed -n "s/.*\"$2\": *\"\([0-9a-f]*\)\".*/\1/p" "$fixtures/$1.devtools.json" | head -n 1
}
sum() {
    sha256sum <"$1" | cut -d ' ' -f 1
}
narrow() { # little-endian u64 to u32, as DevTools keeps folded sizes
    perl -e 'binmode STDIN; binmode STDOUT; local $/; print pack "L<*", unpack "Q<*", <STDIN>' <"$1"
}

for answers in "$fixtures"/*.devtools.json; do
    name=$(basename "$answers" .devtools.json)
    for dump in "$fixtures/$name.heapsnapshot" "$fixtures/$name.heapsnapshot.gz"; do
        [ -f "$dump" ] || continue
        dir=$tmp/$name
        check "$name is exported" "$midden" export --columns "$dir" "$dump"
        same "$name: four files and no other" "distance.i32 dominator.u32 retained.u64 self.u64" \
            "$(ls -A "$dir" | tr '\n' ' ' | sed 's/ $//')"
        same "$name: dominators" "$(answer "$name" dominatorOrdinal_u32)" "$(sum "$dir/dominator.u32")"
        same "$name: retained sizes" "$(answer "$name" retained_u64)" "$(sum "$dir/retained.u64")"
        same "$name: distances" "$(answer "$name" distance_i32)" "$(sum "$dir/distance.i32")"
        narrow "$dir/self.u64" >"$tmp/self.u32"
        same "$name: folded sizes" "$(answer "$name" adjustedSelf_u32)" "$(sum "$tmp/self.u32")"
    done
done

# an older export is replaced; what else lies there is not touched
mkdir "$tmp/again" && echo old >"$tmp/again/retained.u64" && echo mine >"$tmp/again/notes"
check "an export over another" "$midden" export --columns="$tmp/again" "$fixtures/tiny1.heapsnapshot"
same "the older file is replaced" "$(answer tiny1 retained_u64)" "$(sum "$tmp/again/retained.u64")"
same "another's file stays" mine "$(cat "$tmp/again/notes")"
same "the files may be read by those whom the umask lets" "-rw-r-----" \
    "$(umask 027; "$midden" export --columns="$tmp/mode" "$fixtures/tiny1.heapsnapshot" >/dev/null; ls -l "$tmp/mode/self.u64" | cut -c 1-10)"

# the same from standard input, plain and gzipped
"$midden" export --columns="$tmp/stdin" - <"$fixtures/tiny2.heapsnapshot" >/dev/null
same "from standard input" "$(answer tiny2 retained_u64)" "$(sum "$tmp/stdin/retained.u64")"
gzip -c "$fixtures/tiny2.heapsnapshot" | "$midden" export --columns="$tmp/stdin" - >/dev/null
same "from a pipe, gzipped" "$(answer tiny2 dominatorOrdinal_u32)" "$(sum "$tmp/stdin/dominator.u32")"

finish
