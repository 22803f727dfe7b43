# SPDX-License-Identifier: MIT
. repro/kit.sh
idea 'free lines of a block, bumped into; sparse blocks evacuated'
claim 'space of a mark-sweep heap, locality of a copying one; a little evacuation mends the rest'
run blackburn-2008
