#!/bin/sh
# Writes redirects.masq: for each of a hundred boards its shell, its web page and its debugger.
#
#   sh generate.sh > redirects.masq
echo '# Written by generate.sh.'
echo
echo 'redirect boards {'
echo '  interface campus'
echo '  allow     from staff, students'
for board in $(seq 1 100); do
  printf '  listen    tcp %d to 10.60.0.%d:22\n' $((20000 + board)) $((100 + board))
  printf '  listen    tcp %d to 10.60.0.%d:80\n' $((30000 + board)) $((100 + board))
  printf '  listen    tcp %d to 10.60.0.%d:3333\n' $((40000 + board)) $((100 + board))
done
echo '}'
