# SPDX-License-Identifier: MIT
. repro/kit.sh
idea "marking in steps"
claim "the longest pause falls to a sixth"
run increments live
