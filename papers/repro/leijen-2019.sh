# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "a free list for each page"
claim "consecutive allocations lie together, after any releases"
run leijen-2019
