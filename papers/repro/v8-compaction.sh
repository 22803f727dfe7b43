# SPDX-License-Identifier: MIT
. repro/kit.sh
idea 'sweeping is the rule, compaction the exception'
claim 'sweep while the holes can be used, compact when fragmentation leaves no room'
run v8-compaction
