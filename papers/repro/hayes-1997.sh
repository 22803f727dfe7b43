# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "a value lives while its key does"
claim "weak tables that do not leak; here in linear time, not by rounds"
run hayes-1997
