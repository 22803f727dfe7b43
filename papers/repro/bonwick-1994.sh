# SPDX-License-Identifier: MIT
. repro/kit.sh
idea 'slabs of equal buffers; empty ones go back'
claim 'waste bounded by construction: 1/8 in the tail of a slab'
run bonwick-1994
