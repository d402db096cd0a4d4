#!/usr/bin/env bash
# Tries the image with real containers: builds it on a bare Debian 13, then runs every
# task of the compiled Kubeflow pipeline with `docker run`, as the image's own user, on
# a private network with PostgreSQL in a container of its own.
#
#   sudo deployment/try_containers.sh FOLDER
#
# FOLDER receives what the tasks write and a log. Needs root, debootstrap, a running
# Docker Engine, Debian's package mirror and PyPI; no image is pulled. Containers,
# network and volume go when it ends, whatever happens; the images stay.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BASE=mnist-try-base
IMAGE=mnist-tfx:try
DATABASE=mnist-try-postgres
NAME=mnist-try
CERTIFICATES=/etc/ssl/certs/ca-certificates.crt
# shellcheck source-path=SCRIPTDIR/..
# shellcheck source=tests/platforms/steps.sh
. "$ROOT/tests/platforms/steps.sh"

# A bare Debian 13 with the certificates of this machine, and no Python.
make_base() {
    docker image inspect "$BASE" >/dev/null && return
    local system=$FOLDER/base
    rm -rf "$system"
    debootstrap --variant=minbase --include=ca-certificates trixie "$system"
    cp --dereference "$CERTIFICATES" "$system$CERTIFICATES"
    tar --directory "$system" --create . | docker import \
        --change "ENV LANG=C.UTF-8 PIP_CERT=$CERTIFICATES SSL_CERT_FILE=$CERTIFICATES" \
        - "$BASE"
    rm -rf "$system"
}

build_image() {
    docker build --network host --build-arg "BASE_IMAGE=$BASE" --tag "$IMAGE" \
        --file "$ROOT/deployment/Dockerfile" "$ROOT"
}

build_database() {
    docker build --network host --tag "$DATABASE" - <<DOCKERFILE
FROM $BASE
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/*
USER postgres
ENV PGDATA=/tmp/data
CMD PATH=\$(echo /usr/lib/postgresql/*/bin):\$PATH \
    && initdb --username=mnist --pwfile=/run/secrets/password --auth=scram-sha-256 \
    && echo host all all all scram-sha-256 >>\$PGDATA/pg_hba.conf \
    && exec postgres -c listen_addresses='*'
DOCKERFILE
}

# The database, and a workspace that belongs to the image's user.
start_private() {
    openssl rand -hex 24 >"$FOLDER/password"
    chmod 644 "$FOLDER/password"
    docker network create --internal "$NAME"
    docker run --detach --name "$NAME" --network "$NAME" \
        --network-alias mnist-metadata --cap-drop ALL \
        --volume "$FOLDER/password:/run/secrets/password:ro" "$DATABASE"
    docker volume create "$NAME"
    docker run --rm --user 0 --volume "$NAME:/workspace" "$BASE" \
        chown 10001:10001 /workspace
}

remove_private() {
    docker ps --all --quiet --filter "network=$NAME" |
        xargs --no-run-if-empty docker rm --force --volumes
    docker network rm "$NAME"
    docker volume rm "$NAME"
    rm -f "$FOLDER/password"
} >/dev/null 2>&1

run_tasks() {
    (cd "$ROOT" && .venv/bin/python -m deployment.try_containers "$FOLDER" \
        --image "$IMAGE" --network "$NAME" --volume "$NAME" | tee "$FOLDER/tasks.txt")
}

main() {
    [ $# -eq 1 ] || fail "Usage: try_containers.sh FOLDER"
    [ "$(id -u)" -eq 0 ] || fail "Making the base image needs root: sudo $0 $1"
    command -v debootstrap >/dev/null || fail "debootstrap is missing: apt install debootstrap"
    docker version >/dev/null || fail "No Docker Engine answers: apt install docker.io, and start dockerd"
    [ -x "$ROOT/.venv/bin/python" ] || fail "The environment is missing: make run"
    mkdir -p "$1"
    FOLDER=$(realpath "$1")
    LOG=$FOLDER/log
    trap remove_private EXIT
    remove_private || true
    step "base image, a bare Debian 13" make_base
    step "image" build_image
    step "image of PostgreSQL" build_database
    step "private network, PostgreSQL, volume" start_private
    step "every task of the compiled pipeline, with docker run" run_tasks
    cat "$FOLDER/tasks.txt"
    docker image ls --format '{{.Repository}}:{{.Tag}} {{.Size}}' "$IMAGE"
}

main "$@"
