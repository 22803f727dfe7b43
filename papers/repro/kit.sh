# SPDX-License-Identifier: MIT
# Sourced by the experiments. An experiment says what it repeats, and then runs:
#
#     idea 'one line: the idea'
#     claim 'what the paper says of it'
#     run PROGRAM [ARGUMENT ...]      a program of papers/repro, built; or any command that prints as kit.h says
#
# `O` is the directory of the build's mode; papers/report sets it.
set -eu
idea() { printf '@idea %s\n' "$1"; }
claim() { printf '@claim %s\n' "$1"; }
run() {
    program=$1
    shift
    "$O/papers/$program" "$@"
}
