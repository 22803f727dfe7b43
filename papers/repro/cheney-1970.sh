# SPDX-License-Identifier: MIT
. repro/kit.sh
idea 'copying needs no stack: the copies are the queue'
claim 'cost follows the survivors, not the garbage'
run cheney-1970
