#!/bin/sh
# Trains every method by its recipe in bench/learning, in locimem and in PyTorch, and
# writes bench/learning.json and the table of docs/methods.md. DIR holds CIFAR-10's
# binary files; PYTHON names a Python with the packages of bench/peers/requirements.txt.
#
#     PYTHON=venv/bin/python bench/learning.sh DIR [--only simclr,byol] [--seed N]
#     PYTHON=venv/bin/python bench/learning.sh --render
set -eu
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" bench/peers/learn_table.py "$@"
