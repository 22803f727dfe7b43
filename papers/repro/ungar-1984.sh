# SPDX-License-Identifier: MIT
. repro/kit.sh
idea 'most objects die young: collect the young alone'
claim 'short pauses, less than 2 % of the time'
run ungar-1984
