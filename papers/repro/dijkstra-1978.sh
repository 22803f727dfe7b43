# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "three colours; the program helps the marker"
claim "without help live objects are lost, with it none"
run dijkstra-1978
