# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "two magazines before each thread"
claim "at most one operation in M leaves the thread, whatever the pattern"
run bonwick-2001
