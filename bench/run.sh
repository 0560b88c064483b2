#!/bin/sh
# Measures locimem beside its peers and writes bench/results.json and RESULTS.md. Needs a Python
# with the packages of bench/peers/requirements.txt: name it in PYTHON.
#
#     PYTHON=venv/bin/python bench/run.sh [--only gemm,conv] [--quick] [--rounds N] [--render]
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if ! "$python" -c 'import torch, torchvision, threadpoolctl, numpy'; then
	echo "bench/run.sh: $python lacks packages of bench/peers/requirements.txt; bench/peers/README.md says how to install them" >&2
	exit 1
fi
exec "$python" bench/peers/compare.py "$@"
