#!/bin/sh
# Where Lambda's own images start. Roost starts the runtime directly; this file is for programs that look for it.
for bootstrap in /var/task/bootstrap /opt/bootstrap /var/runtime/bootstrap; do
  [ -x "$bootstrap" ] && exec "$bootstrap" "$@"
done
echo "no bootstrap in /var/task, /opt or /var/runtime" >&2
exit 1
