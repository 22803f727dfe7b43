# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "room by the root of what is live"
claim "with the same memory in all less is marked than in proportion"
run kirisame-2022
