#!/bin/sh
# Measures locimem next to its peers and writes bench/results.json and RESULTS.md. The peers need
# a Python with the packages of bench/peers/requirements.txt: name it in PYTHON. A section whose
# packages are missing is not measured, and says so.
#
#     PYTHON=venv/bin/python bench/run.sh [--only gemm,conv] [--quick] [--rounds N] [--render]
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if ! "$python" -c 'import torch, torchvision, threadpoolctl, numpy' 2>/dev/null; then
	echo "bench/run.sh: $python lacks packages of bench/peers/requirements.txt;" \
		"bench/peers/README.md says how to install them" >&2
fi
exec "$python" bench/peers/compare.py "$@"
