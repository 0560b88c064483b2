#!/bin/sh
# Shows that the scripts of this repository start on a machine without PyTorch: every Python
# file, the shell scripts, and the benchmarks' harness, which then measures locimem alone.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if ! command -v "$python" >/dev/null; then
	echo "NOT RUN: no $python here"
	exit 0
fi
"$python" -m unittest discover -s tools -p '*_test.py' 2>&1
"$python" tools/check_python.py

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv --without-pip "$work/bare" # a Python without packages
bare=$work/bare/bin/python

# RESULTS.md is what results.json makes.
mkdir "$work/render"
cp bench/results.json "$work/render"
PYTHON=$bare bench/run.sh --render --dir "$work/render" >/dev/null 2>&1
cmp bench/RESULTS.md "$work/render/RESULTS.md"
PYTHON=$bare bench/learning.sh --help >/dev/null

# Sections with peers are not measured, the others are, and that is no failure.
PYTHON=$bare bench/run.sh --quick --dir "$work/quick" >/dev/null
want=$(grep -c '^    "[a-z]*": [a-z]*,$' bench/peers/sections/__init__.py)
found=$(grep -c '^Not measured: bench/peers/.* this Python lacks' "$work/quick/RESULTS.md")
if [ "$found" -ne $((want - 2)) ]; then # all but peak and ladder have a peer
	echo "check_scripts.sh: $found sections say that their peer is missing, expected $((want - 2))" >&2
	exit 1
fi
echo "the benchmarks ran without peers: $found sections not measured"
