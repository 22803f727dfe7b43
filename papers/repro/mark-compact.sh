# SPDX-License-Identifier: MIT
. repro/kit.sh
idea 'free what is not marked; close the holes'
claim 'sweeping leaves holes, compaction none'
run mark-compact
