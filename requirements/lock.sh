#!/bin/sh
# Compiles the lock files from setup.py. `make lock` runs it; further arguments
# go to `uv pip compile`: `make lock ARGS=--upgrade` takes newer versions.
set -eu

ROOT=$(CDPATH='' cd "$(dirname "$0")/.." && pwd)
cd "$ROOT"

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# Puts the pinned uv into a throw-away environment, so that a lock can be made
# where no lock can be installed.
get_uv() {
    "${PYTHON:-python3}" -m venv "$WORK/venv"
    "$WORK/venv/bin/python" -m pip install --quiet --require-hashes \
        --requirement requirements/uv.txt
}

# Usage: compile OUTPUT INPUT [OPTION...]
compile() {
    output=$1
    shift
    echo "Locking $output"
    "$WORK/venv/bin/uv" pip compile --quiet --generate-hashes \
        --custom-compile-command "make lock" --output-file "$output" "$@"
}

get_uv
compile requirements/uv.txt requirements/uv.in --universal "$@"
# TFX 1.16 has one home, Linux x86_64 with Python 3.10: no markers are needed. The
# newest of these five have no wheel for glibc 2.17, and building them needs C libraries.
compile requirements/tfx-1.16.txt setup.py --all-extras --python-version 3.10 \
    --python-platform x86_64-manylinux_2_17 --only-binary argon2-cffi-bindings \
    --only-binary h5py --only-binary optree --only-binary pillow \
    --only-binary pyzmq "$@"
# TFX 1.21 serves three Pythons and two platforms from one file.
compile requirements/tfx-1.21.txt setup.py --all-extras --python-version 3.11 \
    --universal "$@"
# Other checkers of data, for `make checkers`: torch 1.12 has no newer Python.
compile requirements/checkers.txt requirements/checkers.in --python-version 3.10 \
    --python-platform x86_64-manylinux_2_17 \
    --override requirements/checkers-without.txt "$@"
