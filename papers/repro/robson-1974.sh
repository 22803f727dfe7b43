# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "a program that plays against its allocator"
claim "without moving, M (1 + log2(n) / 2) are needed at the worst"
run robson-1974
