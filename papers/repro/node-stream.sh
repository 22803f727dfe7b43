# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "blocks of a high-water mark, cut into chunks"
claim "a larger mark costs fewer system calls and pins more"
run node-stream
