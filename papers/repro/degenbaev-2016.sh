# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "collect in idle time, if it fits"
claim "pauses leave the frames"
run degenbaev-2016
