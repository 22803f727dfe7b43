#!/bin/sh
# `midden suspects` on real Node programs, each with one leak planted: the right holder is named first, in one snapshot
# and in a series of three.
. tests/support/tap.sh
command -v node >/dev/null || skip_all "node is not installed"

first() { # the title of the first suspect
    "$midden" suspects --json -n 1 "$@" | perl -MJSON::PP -e 'local $/; my $s = JSON::PP->new->decode(<STDIN>)->{suspects}[0]; my $t = "$s->{kind} $s->{owner}{class}$s->{fields} of $s->{class}"; $t =~ s{\(internal\) context}{}; print $t'
}

while read -r leak expected; do
    if ! timeout 120 node "tests/golden/leaks/$leak.mjs" "$tmp/$leak" >"$tmp/out" 2>&1; then
        tap_result "$leak: the program runs" 1
        sed 's/^/#   /' "$tmp/out" | head -n 5
        continue
    fi
    same "$leak: one snapshot" "$expected" "$(first "$tmp/$leak-3.heapsnapshot")"
    same "$leak: a series" "$expected" "$(first "$tmp/$leak-1.heapsnapshot" "$tmp/$leak-2.heapsnapshot" "$tmp/$leak-3.heapsnapshot")"
    "$midden" suspects "$tmp/$leak-1.heapsnapshot" "$tmp/$leak-1.heapsnapshot" >"$tmp/out"
    same "$leak: one snapshot twice has no growth" 1 "$(grep -c '^nothing grew' "$tmp/out")"
    rm -f "$tmp/$leak"-*.heapsnapshot
done <<END
global holder global.seenRequests of Request
closure holder Generator (context) retryCallbacks of Function
cache holder ResponseCache.entries of {path, body}
queue holder WorkQueue.pending of Job
listeners holder PriceFeed._events.price of Function
END

# What misleads a comparison: things made anew, a heap that shrinks, a list that is copied in order to grow.
while read -r leak expected; do
    if ! timeout 120 node "tests/golden/leaks/$leak.mjs" "$tmp/$leak" >"$tmp/out" 2>&1; then
        tap_result "$leak: the program runs" 1
        sed 's/^/#   /' "$tmp/out" | head -n 5
        continue
    fi
    same "$leak: a series" "$expected" "$(first "$tmp/$leak-1.heapsnapshot" "$tmp/$leak-2.heapsnapshot" "$tmp/$leak-3.heapsnapshot")"
    rm -f "$tmp/$leak"-*.heapsnapshot
done <<END
rebuilt holder AuditLog.entries of {user}
shrinking holder AuditLog.entries of {user}
copied holder Store.state.items of {user}
END

finish
