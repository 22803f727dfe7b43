# SPDX-License-Identifier: MIT
. repro/kit.sh
idea 'what points into the part that is collected is known'
claim 'a part is collected at the price of its survivors and its remembered set; what is dead outside keeps some of it'
run hudson-1992
