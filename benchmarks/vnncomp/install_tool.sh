#!/usr/bin/env bash
# The competition's first script: `install_tool.sh v1` installs the tool from this folder's tree.
set -euo pipefail
[ "${1:-}" = v1 ] || { echo "expected v1, got '${1:-}'" >&2; exit 1; }
cd "$(dirname "$0")/../.."
python3 -m venv .venv
.venv/bin/python -m pip install --quiet '.[onnx,fast]'
