#!/bin/bash
# In the guest: gateways end to end, with real programs; on virtual cables, and between cards with a driver.
cd "$(dirname "$0")/../.." || exit 1
status=0
for program in smoke cards; do node_modules/.bin/node test/kernels/$program.ts || status=1; done
exit $status
