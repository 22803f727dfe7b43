# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "how size classes are spaced; arenas"
claim "rounding is bounded: a fifth of what is handed out since jemalloc 4"
run evans-2006
