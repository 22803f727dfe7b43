# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "dominators by iteration: two fingers"
claim "faster than Lengauer-Tarjan on realistic graphs"
run dominators shapes
