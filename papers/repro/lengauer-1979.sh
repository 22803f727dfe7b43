# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "dominators by way of semidominators"
claim "almost linear time on any graph"
run dominators growth
