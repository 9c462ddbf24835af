#!/usr/bin/env bash
# The competition's third script: `run_instance.sh v1 CATEGORY NETWORK QUERY RESULTS TIMEOUT` writes the answer, and for
# "sat" the counterexample, into the file RESULTS.
set -uo pipefail
[ "${1:-}" = v1 ] || { echo "expected v1, got '${1:-}'" >&2; exit 1; }
tool=${SCALARSPEC:-$(dirname "$0")/../../.venv/bin/scalarspec}
"$tool" verify "${3:?}" "${4:?}" --timeout "${6:?}" --quiet >"${5:?}"
code=$?
[ "$code" -eq 2 ] && echo unknown >"$5"
case "$code" in 0 | 1 | 2 | 3) exit 0 ;; *) exit "$code" ;; esac
