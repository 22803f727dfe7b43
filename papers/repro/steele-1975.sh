# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "which side of a store the barrier looks at"
claim "precision against a rescan: a snapshot keeps all that dies meanwhile"
run steele-1975
