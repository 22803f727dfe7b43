# For the suite's shell tests: TAP on stdout, a directory of our own that goes when the test ends.
#
#   . tests/support/tap.sh          from the root of the tree, where prove runs
#   check "what" command...         ok when the command succeeds; its output is shown when not
#   same "what" expected got        ok when both strings are equal
#   need FILE...                    ends the test when one of these is not built, and says how to build it
#   finish                          the plan; exits 1 when something failed
#
# BUILD, MODE, O and CC come from make (tests.mk); by hand they are those of a plain `make`. $midden is the command
# under test.

: "${BUILD:=build}" "${MODE:=opt}" "${CC:=cc}"
: "${O:=$BUILD/$MODE}"
export BUILD MODE O CC

tap_count=0 tap_failed=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/midden-test.XXXXXX")
trap 'chmod -R u+rwX "$tmp" 2>/dev/null; rm -rf "$tmp"' EXIT
midden=$PWD/$O/midden
unset MAKEFLAGS MAKELEVEL MFLAGS PAGER NO_COLOR LESS COLUMNS 2>/dev/null

tap_result() { # what status
    tap_count=$((tap_count + 1))
    if [ "$2" = 0 ]; then
        echo "ok $tap_count - $1"
    else
        echo "not ok $tap_count - $1"
        tap_failed=$((tap_failed + 1))
    fi
}

check() { # what command...
    tap_what=$1
    shift
    "$@" >"$tmp/.check" 2>&1
    tap_status=$?
    tap_result "$tap_what" "$tap_status"
    [ "$tap_status" = 0 ] || { echo "# status $tap_status: $*"; sed 's/^/#   /' "$tmp/.check"; }
}

same() { # what expected got
    if [ "$2" = "$3" ]; then
        tap_result "$1" 0
    else
        tap_result "$1" 1
        printf '%s\n' "expected:" "$2" "got:" "$3" | sed 's/^/#   /'
    fi
}

skip() { # what why
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1 # SKIP $2"
}

skip_all() { # why
    echo "1..0 # SKIP $1"
    exit 0
}

need() { # file...
    for tap_file; do
        [ -e "$tap_file" ] || { echo "Bail out! $tap_file is not built: make $tap_file"; exit 2; }
    done
}

finish() {
    echo "1..$tap_count"
    [ "$tap_failed" = 0 ]
    exit
}
