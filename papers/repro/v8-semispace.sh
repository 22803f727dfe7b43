# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "a larger nursery gives objects time to die"
claim "the larger the semispace, the less is promoted"
run v8-semispace
