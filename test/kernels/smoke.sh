#!/bin/bash
# In the guest: one gateway end to end, with real programs.
cd "$(dirname "$0")/../.." || exit 1
exec node_modules/.bin/node test/kernels/smoke.ts
