# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "what a thread may hoard is bounded"
claim "no blowup between producer and consumer; no false sharing"
run berger-2000
