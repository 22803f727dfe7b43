# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "slabs of 8 KiB, filled in sequence"
claim "tails are lost, and one buffer holds a slab"
run node-pool
