# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "new addresses are computed from the mark bits"
claim "one pass, order kept, no word an object"
run kermany-2006
