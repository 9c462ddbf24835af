#!/usr/bin/env bash
# The competition's second script: `prepare_instance.sh v1 CATEGORY NETWORK QUERY` ends what still runs, and exits with
# 0 where the network can be read.
set -euo pipefail
[ "${1:-}" = v1 ] || { echo "expected v1, got '${1:-}'" >&2; exit 1; }
tool=${SCALARSPEC:-$(dirname "$0")/../../.venv/bin/scalarspec}
pkill -u "$(id -u)" -f 'scalarspec verify' || true
exec "$tool" inspect "$3" >/dev/null
