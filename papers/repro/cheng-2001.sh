# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "measure the worst window, not the longest pause"
claim "a collector in steps leaves a share of every window, one that stops none"
run cheng-2001
