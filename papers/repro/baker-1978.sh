# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "a bounded piece of collecting with each allocation"
claim "every pause is bounded; the price is m / k more memory"
run increments steps
