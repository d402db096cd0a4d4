#!/usr/bin/env bash
# Proves the newest TFX line where an older system cannot install it: in a Debian 13
# chroot, as a user of its own, with nothing of the outer Python visible.
#
#   sudo tests/platforms/debian13.sh FOLDER [--bench [OPTION...]]
#
# FOLDER receives the chroot (about 6 GB) and is kept; a second call reuses it. Needs
# root, debootstrap and Debian's package mirror. Runs `make run` and `make test`
# inside, then exchanges pushed models between the line in there and the line out here.
# With --bench it measures both lines instead, for benchmarks/RESULTS.md; the options
# are those of `make bench`, like --only contenders --no-peers.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# The last two are for tests, of Kubeflow runs and of reports in a browser.
PACKAGES=(make g++ git python3 python3-venv python3-dev ca-certificates postgresql chromium)
SUITE=trixie
GUEST=tester
HOME_INSIDE=/home/$GUEST
CHECKOUT=$HOME_INSIDE/checkout
CERTIFICATES=/etc/ssl/certs/ca-certificates.crt
# shellcheck source-path=SCRIPTDIR/../..
# shellcheck source=tests/platforms/steps.sh
. "$ROOT/tests/platforms/steps.sh"

# Prints the settings that pip and uv need to reach their index, where there are any.
network_settings() {
    env | grep -iE '^(pip_(index_url|extra_index_url|default_timeout)|uv_default_index|(http|https|no)_proxy)=' || true
}

# Usage: inside COMMAND...: runs a command in the checkout inside, as the guest.
inside() {
    local settings=()
    mapfile -t settings < <(network_settings)
    # shellcheck disable=SC2016  # the shell inside expands them
    chroot --userspec="$GUEST:$GUEST" "$CHROOT" /usr/bin/env -i HOME="$HOME_INSIDE" \
        USER="$GUEST" PATH=/usr/bin:/bin LANG=C.UTF-8 \
        PIP_CERT="$CERTIFICATES" SSL_CERT_FILE="$CERTIFICATES" "${settings[@]}" \
        sh -c 'cd "$1" && shift && exec "$@"' sh "$CHECKOUT" "$@"
}

make_chroot() {
    # Complete only once it has been moved to its name.
    [ -d "$CHROOT" ] && return
    rm -rf "$CHROOT.part"
    debootstrap --variant=minbase "$SUITE" "$CHROOT.part"
    chroot "$CHROOT.part" useradd --create-home "$GUEST"
    mv "$CHROOT.part" "$CHROOT"
}

# Processes need /proc, shared memory and terminals, names need the resolver.
connect() {
    mount -t proc proc "$CHROOT/proc"
    mount -t tmpfs tmpfs "$CHROOT/dev/shm"
    mkdir -p "$CHROOT/dev/pts"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$CHROOT/dev/pts"
    ln -sf pts/ptmx "$CHROOT/dev/ptmx"
    cp --dereference /etc/resolv.conf "$CHROOT/etc/resolv.conf"
}

install_packages() {
    chroot "$CHROOT" dpkg --status "${PACKAGES[@]}" >/dev/null && return
    # No service starts in there.
    printf '#!/bin/sh\nexit 101\n' >"$CHROOT/usr/sbin/policy-rc.d"
    chmod +x "$CHROOT/usr/sbin/policy-rc.d"
    chroot "$CHROOT" apt-get update --quiet
    chroot "$CHROOT" /usr/bin/env DEBIAN_FRONTEND=noninteractive apt-get install \
        --quiet --yes --no-install-recommends "${PACKAGES[@]}"
}

# Those of this machine, which may know an index of its own.
copy_certificates() {
    cp --dereference "$CERTIFICATES" "$CHROOT$CERTIFICATES"
}

# Only what git knows or would add goes in; the environment inside is kept.
copy_checkout() {
    mkdir -p "$CHROOT$CHECKOUT"
    find "$CHROOT$CHECKOUT" -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -rf {} +
    git -C "$ROOT" ls-files -z --cached --others --exclude-standard |
        tar -C "$ROOT" --null --files-from=- --create |
        tar -C "$CHROOT$CHECKOUT" --extract --no-same-owner
    chroot "$CHROOT" chown -R "$GUEST:$GUEST" "$HOME_INSIDE"
}

run_inside() {
    inside make run ARGS=--json | tee "$CHROOT$HOME_INSIDE/run.txt"
    sed -n '/^{/,$p' "$CHROOT$HOME_INSIDE/run.txt" >"$CHROOT$HOME_INSIDE/summary.json"
}

test_inside() {
    inside make test | tee "$CHROOT$HOME_INSIDE/test.txt"
}

run_outside() {
    make -C "$ROOT" run ARGS="--preset quick --workspace $WORK/workspace"
}

# Usage: model_in FOLDER: the newest version pushed there.
model_in() { find "$1" -mindepth 1 -maxdepth 1 -type d | sort | tail -n 1; }

# Usage: outer|inner record|compare MODEL ANSWERS: see exchange.py.
outer() { (cd "$ROOT" && .venv/bin/python -m tests.platforms.exchange "$@"); }
inner() { inside .venv/bin/python -m tests.platforms.exchange "$@"; }

carry_in() {
    rm -rf "${CHROOT:?}$HOME_INSIDE/carried"
    cp -r "$(model_in "$WORK/workspace/serving/mnist")" "$CHROOT$HOME_INSIDE/carried"
    outer record "$CHROOT$HOME_INSIDE/carried" "$CHROOT$HOME_INSIDE/outer.npz"
    chroot "$CHROOT" chown -R "$GUEST:$GUEST" "$HOME_INSIDE"
    inner compare "$HOME_INSIDE/carried" "$HOME_INSIDE/outer.npz"
}

carry_out() {
    cp -r "$(model_in "$CHROOT$CHECKOUT/workspace/serving/mnist")" "$WORK/carried"
    local model
    model=$(model_in "$CHROOT$CHECKOUT/workspace/serving/mnist")
    inner record "${model#"$CHROOT"}" "$HOME_INSIDE/inner.npz"
    outer compare "$WORK/carried" "$CHROOT$HOME_INSIDE/inner.npz"
}

# Each line adds its column to what the other one measured.
bench_both() {
    local commit results=benchmarks/results.json
    commit=$(git -C "$ROOT" describe --always --dirty)
    make -C "$ROOT" bench ARGS="$BENCH_OPTIONS"
    cp "$ROOT/$results" "$CHROOT$CHECKOUT/$results"
    chroot "$CHROOT" chown -R "$GUEST:$GUEST" "$HOME_INSIDE"
    inside make bench ARGS="--commit $commit $BENCH_OPTIONS"
    cp "$CHROOT$CHECKOUT/"benchmarks/{results.json,RESULTS.md,results.svg} "$ROOT/benchmarks/"
}

figures() {
    printf '\nmake run:\n'
    inside .venv/bin/python -m json.tool "$HOME_INSIDE/summary.json" |
        grep -E '^ {4,8}"(status|accuracy|loss|python|tfx|tensorflow|beam)":|^ {4}"seconds"' |
        sed 's/^ */  /; s/,$//'
    printf 'make test:\n'
    tail -n 1 "$CHROOT$HOME_INSIDE/test.txt"
}

main() {
    if [ $# -lt 1 ] || [ "${2---bench}" != --bench ]; then
        fail "Usage: debian13.sh FOLDER [--bench [OPTION...]]"
    fi
    [ "$(id -u)" -eq 0 ] || fail "Making a chroot needs root: sudo $0 $1"
    command -v debootstrap >/dev/null || fail "debootstrap is missing: apt install debootstrap"
    # A mount namespace of its own: its mounts go with it, whatever happens.
    if [ -z "${IN_NAMESPACE-}" ]; then
        IN_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"
    fi
    mkdir -p "$1"
    CHROOT=$(realpath "$1")/debian13
    WORK=$(mktemp -d)
    LOG=$WORK/log
    trap 'rm -rf "$WORK"' EXIT
    step "Debian 13 in $CHROOT" make_chroot
    step "mounts, resolver" connect
    step "packages" install_packages
    step "certificates" copy_certificates
    step "copy the checkout" copy_checkout
    if [ $# -ge 2 ]; then
        BENCH_OPTIONS=${*:3}
        step "make bench outside, then inside" bench_both
        return
    fi
    step "make run inside" run_inside
    step "make test inside" test_inside
    step "make run outside, to have a model of the other line" run_outside
    step "the outer model, loaded, evaluated and predicted with inside" carry_in
    step "the inner model, loaded, evaluated and predicted with outside" carry_out
    figures
}

main "$@"
