# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "every word that could be a reference is one"
claim "little garbage is kept by chance"
run boehm-1988
