#!/bin/sh
# Keeps one worker running on the listening socket it gets as descriptor 0, as a service manager does: whenever the worker
# ends, the next one is started, while the socket stays. Usage: respawn.sh COMMAND [WORD...]

# The shell gives background commands an empty standard input, hence the detour.
exec 3<&0
trap 'kill -KILL "$!" 2>/dev/null; exit 0' TERM INT
while :; do
  "$@" <&3 3<&- &
  wait "$!"
done
