#!/bin/sh
# The lab and its worker in one container: drills kill and start the lab's processes, so their worker must share process ids,
# files and loopback with them. It takes the lab's activities from a task queue of its own; the other worker never sees them.
set -eu
muster lab up
for name in lab lab-spare; do echo "taskQueue: $MUSTER_TASK_QUEUE" >> "$MUSTER_HOME/environments/$name.yaml"; done
# Of its own, so that it outlives the worker: it reverts what the worker's death would leave broken.
muster watchdog &
watchdog=$!
muster worker &
worker=$!
trap 'kill -TERM "$worker" 2>/dev/null || true' TERM INT
code=0
wait "$worker" || code=$?
# A signal ends the first wait early; the worker still has its activities to end.
wait "$worker" 2>/dev/null || true
kill -TERM "$watchdog" 2>/dev/null || true
wait "$watchdog" 2>/dev/null || true
muster lab down --keep-data
exit "$code"
