#!/bin/sh
# Makes .venv with the newest TFX line that this platform and its Pythons can run.
#
#   requirements/install.sh            make .venv, or bring it up to date
#   requirements/install.sh --choose   print the chosen line and Python, do nothing
#   requirements/install.sh --remove   remove .venv, if it was made here
#
# Environment: PYTHON    the interpreter to use, instead of searching for one
#              TFX_LINE  1.16 or 1.21, instead of the newest that fits
set -eu

ROOT=$(CDPATH='' cd "$(dirname "$0")/.." && pwd -P)
VENV=$ROOT/.venv
STAMP=$VENV/.complete
# Written before anything else: this script deletes no folder that lacks it.
MARK=$VENV/.made-by-install.sh
BUSY=$ROOT/.venv.busy

# Set by choose(); TRIED collects one line for every interpreter that was refused.
LINE=
INTERPRETER=
TRIED=

say() { printf '%s\n' "$*"; }

# Exit code 2 is a set-up that cannot work here; 1 is a step that failed.
refuse() {
    printf '%s\n' "$*" >&2
    exit 2
}

# Prints PATH without the programs of .venv, which come first where it is activated: no
# Python, nor a shim that looks for one, may find what is removed to be made again.
path_outside() {
    rest=$PATH:
    kept=
    while [ -n "$rest" ]; do
        folder=${rest%%:*}
        [ "$folder" -ef "$VENV/bin" ] || kept=$kept:$folder
        rest=${rest#*:}
    done
    say "${kept#:}"
}
PATH=$(path_outside)

# ---- The platform ---------------------------------------------------------------

# Prints a version such as 2.36, or nothing where the C library is not glibc.
glibc_version() {
    getconf GNU_LIBC_VERSION 2>/dev/null | sed -n 's/^glibc //p'
}

# Usage: at_least VERSION MINOR: is VERSION, 2.x, at least 2.MINOR?
at_least() {
    case $1 in
        2.*) minor=${1#2.} && [ "${minor%%.*}" -ge "$2" ] ;;
        *) false ;;
    esac
}

# Prints the TFX lines that have wheels for this platform, the newest first.
lines_for_platform() {
    case "$(uname -s) $(uname -m)" in
        "Darwin arm64") say 1.21 ;;
        "Linux x86_64")
            glibc=$(glibc_version)
            if at_least "$glibc" 39; then
                say 1.21 1.16
            elif at_least "$glibc" 17; then
                say 1.16
            fi
            ;;
    esac
}

# Prints what a person calls this platform.
platform_name() {
    case $(uname -s) in
        Linux) say "Linux $(uname -m), glibc $(glibc_version | grep . || say none)" ;;
        *) say "$(uname -s) $(uname -m)" ;;
    esac
}

# Prints the Pythons that a TFX line runs on, the newest first.
pythons_for_line() {
    case $1 in
        1.21) say 3.13 3.12 3.11 ;;
        1.16) say 3.10 ;;
    esac
}

# ---- The interpreter ------------------------------------------------------------

# Usage: probe PYTHON: prints "VERSION MACHINE MISSING..." or nothing if PYTHON does
# not run. MISSING names what the set-up needs and this Python lacks.
probe() {
    "$1" - 2>/dev/null <<'PYTHON' || true
import os, sys, sysconfig
found = [".".join(map(str, sys.version_info[:2])), os.uname()[4]]
if sys.version_info[0] > 2 and sys.implementation.name != "cpython":
    found.append("cpython")
try:
    import ensurepip, venv
except ImportError:
    found.append("venv")
include = sysconfig.get_paths()["include"]
if not os.path.exists(os.path.join(include, "Python.h")):
    found.append("headers")
print(" ".join(found))
PYTHON
}

# Usage: refused PYTHON WHY: notes it once, though two lines may have tried it.
refused() {
    case "$TRIED
" in
        *"    $1: $2
"*) ;;
        *)
            TRIED="$TRIED
    $1: $2"
            ;;
    esac
}

# Usage: fits PYTHON VERSIONS: can PYTHON, one of VERSIONS, make the environment?
fits() {
    facts=$(probe "$1")
    # shellcheck disable=SC2086  # the words become $1, $2, ...
    set -- "$1" "$2" $facts
    if [ $# -lt 4 ]; then
        refused "$1" "does not run"
        return 1
    fi
    case " $2 " in
        *" $3 "*) ;;
        *)
            refused "$1" "is Python $3"
            return 1
            ;;
    esac
    if [ "$4" != "$(uname -m)" ]; then
        refused "$1" "is built for $4"
        return 1
    fi
    case ${5-} in
        cpython) refused "$1" "is not CPython" ;;
        venv) refused "$1" "cannot make a venv (Debian: apt install python$3-venv)" ;;
        headers) refused "$1" "has no Python.h (Debian: apt install python$3-dev)" ;;
        *) return 0 ;;
    esac
    return 1
}

# Usage: take PYTHON VERSIONS: the first that exists and fits becomes INTERPRETER.
take() {
    [ -z "$INTERPRETER" ] && [ -x "$1" ] && [ ! -d "$1" ] || return 0
    if fits "$1" "$2"; then INTERPRETER=$1; fi
}

# Usage: search_path VERSIONS: every folder of PATH, because a shim that does not run
# may stand before a Python that does.
search_path() {
    for name in $1 3; do
        rest=$PATH:
        while [ -n "$rest" ]; do
            take "${rest%%:*}/python$name" "$1"
            rest=${rest#*:}
        done
    done
}

# Usage: search_folder FOLDER PREFIX VERSIONS: FOLDER/PREFIX3.13.1/bin/python3, ...
search_folder() {
    for version in $3; do
        for home in "$1/$2$version" "$1/$2$version".* "$1/$2$version"-*; do
            take "$home/bin/python3" "$3"
        done
    done
}

# Usage: search LINE: sets INTERPRETER if a Python for LINE exists.
search() {
    versions=$(pythons_for_line "$1")
    if [ -n "${PYTHON-}" ]; then
        given=$(command -v "$PYTHON" || say "$PYTHON")
        [ -x "$given" ] || refuse "PYTHON=$PYTHON: no such program."
        take "$given" "$versions"
        return
    fi
    search_path "$versions"
    search_folder "${PYENV_ROOT:-$HOME/.pyenv}/versions" "" "$versions"
    search_folder "$(uv_folder)" cpython- "$versions"
}

# Prints where uv keeps the Pythons that it has downloaded.
uv_folder() {
    data=${XDG_DATA_HOME:-$HOME/.local/share}
    say "${UV_PYTHON_INSTALL_DIR:-$data/uv/python}"
}

# ---- The choice -----------------------------------------------------------------

# Sets LINE and INTERPRETER, or says what is missing and exits.
choose() {
    possible=$(lines_for_platform)
    [ -n "$possible" ] || refuse_platform
    case " $possible " in
        *" ${TFX_LINE:-${possible%% *}} "*) possible=${TFX_LINE:-$possible} ;;
        *) refuse "TFX_LINE=$TFX_LINE cannot be had on $(platform_name)." \
            "It runs TFX $(one_of "$possible")." ;;
    esac
    for LINE in $possible; do
        search "$LINE"
        [ -z "$INTERPRETER" ] || return 0
    done
    refuse_interpreters
}

# Usage: one_of "a b c": prints "a or b or c".
one_of() { say "$1" | sed 's/ / or /g'; }

refuse_platform() {
    refuse "TFX has no wheels for $(platform_name).
It runs on Linux x86_64 with glibc 2.17 or newer, and on macOS arm64. In a container:
    docker run --rm -it --platform linux/amd64 -v \"\$PWD\":/src -w /src \\
        python:3.13-trixie make run"
}

refuse_interpreters() {
    wanted=
    for line in $possible; do
        wanted="$wanted
    TFX $line with Python $(one_of "$(pythons_for_line "$line")")"
    done
    newest=$(pythons_for_line "${possible%% *}")
    newest=${newest%% *}
    refuse "No Python fits.
Platform: $(platform_name). It can run:$wanted
Tried:$TRIED
    $(where_searched)
Any one of these helps:
$(remedies "$newest")"
}

where_searched() {
    if [ -n "${PYTHON-}" ]; then
        say "nothing else, because PYTHON is set"
    else
        say "every folder of PATH, ${PYENV_ROOT:-$HOME/.pyenv}/versions, $(uv_folder)"
    fi
}

# Usage: remedies VERSION: the commands that bring Python VERSION.
remedies() {
    if [ -n "${PYTHON-}" ]; then say "    unset PYTHON"; fi
    say "$TRIED" | sed -n 's/.*Debian: \(.*\))$/    sudo \1/p' | sort -u
    if [ "$(uname -s)" = Darwin ]; then say "    brew install python@$1"; fi
    say "    pyenv install $1"
    say "    pipx run uv python install $1    (Debian: sudo apt install pipx)"
    say "    make PYTHON=/path/to/python$1 run"
}

# Python's own tools take these for a list of folders or a variable to fill in.
require_usable_path() {
    case $ROOT in
        *[\$\{\}:\\]*)
            refuse "Expected the path of this folder to hold none of \$ { } : \\." \
                "Received: $ROOT. Move the folder to another place."
            ;;
    esac
}

# One dependency, pyfarmhash, is published as C++ source alone.
require_compiler() {
    for compiler in "${CXX:-c++}" g++ clang++; do
        if command -v "$compiler" >/dev/null 2>&1; then return 0; fi
    done
    case $(uname -s) in
        Darwin) remedy="xcode-select --install" ;;
        *) remedy="sudo apt install g++" ;;
    esac
    refuse "A C++ compiler is needed to build one small dependency, and none is here.
    $remedy"
}

# ---- The installation -----------------------------------------------------------

# Usage: step TITLE COMMAND...: runs COMMAND and prints how long it took.
step() {
    title=$1
    shift
    began=$(date +%s)
    say "==> $title"
    if ! "$@"; then
        say "Set-up failed at: $title. The lines above say why;" \
            "make starts again from a clean .venv." >&2
        exit 1
    fi
    say "    $(($(date +%s) - began)) s"
}

# Is .venv of this choice, no older than what it is made from, and does it run?
is_current() {
    [ "$(cat "$STAMP" 2>/dev/null)" = "$CHOICE" ] && [ -x "$VENV/bin/python" ] &&
        [ -z "$(find "$ROOT/setup.py" "$ROOT/requirements" -newer "$STAMP")" ]
}

# Was .venv made here? Older set-ups left no mark, but a stamp.
is_ours() {
    [ -e "$MARK" ] || grep -q '^TFX [0-9.]*, /' "$STAMP" 2>/dev/null
}

# Takes .venv for ours where there is none, an empty folder, or what is ours already.
claim_venv() {
    if [ ! -e "$VENV" ] && [ ! -L "$VENV" ]; then mkdir "$VENV"; fi
    if [ -d "$VENV" ] && { is_ours || [ -z "$(ls -A "$VENV")" ]; }; then
        say "Made by requirements/install.sh, which may delete what is in here." >"$MARK"
    else
        refuse "$VENV was not made by this set-up, and is left as it is." \
            "Move it away, then run make again:
    mv '.venv' '.venv-mine'"
    fi
}

# Deletes what is in .venv, which may be a link to another disk; the mark goes last.
empty_venv() {
    find "$VENV/" -mindepth 1 ! -name "${MARK##*/}" -delete
}

remove_venv() {
    if [ ! -e "$VENV" ] && [ ! -L "$VENV" ]; then return; fi
    claim_venv
    empty_venv
    rm "$MARK"
    if [ ! -L "$VENV" ]; then rmdir "$VENV"; fi
}

# A finished environment of the same choice is brought up to date in place; anything
# else, a half-made one above all, is made anew. The stamp goes first, comes last.
make_venv() {
    if is_ours && [ "$(cat "$STAMP" 2>/dev/null)" = "$CHOICE" ]; then
        rm -f "$STAMP"
        if [ -x "$VENV/bin/python" ]; then return; fi
    fi
    if [ -e "$VENV/pyvenv.cfg" ]; then
        say "    Removing the .venv that is there: unfinished, or of another choice."
    fi
    empty_venv
    # Python makes this link itself, and fails where a disk has no links.
    ln -s lib "$VENV/lib64" 2>/dev/null || mkdir "$VENV/lib64"
    "$INTERPRETER" -m venv "$VENV"
    # Makes uv write programs that find their Python wherever .venv is moved, and
    # whatever characters are in its path.
    say "relocatable = true" >>"$VENV/pyvenv.cfg"
}

install_uv() {
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes --requirement "$ROOT/requirements/uv.txt"
}

uv() { "$VENV/bin/python" "$ROOT/requirements/uv_as_pip.py" "$@"; }

# Compiling to bytecode takes a third of the time and saves it at every import.
install_lock() {
    uv pip install --quiet --python "$VENV/bin/python" \
        --require-hashes --compile-bytecode --requirement "$LOCK" || {
        say "Packages come from the index that pip is told of (pip config list);" \
            "UV_DEFAULT_INDEX=https://... names another one." >&2
        return 1
    }
}

# Its path is not named, because uv takes "#" in a path for a comment.
# The lock holds setuptools, so that nothing has to be downloaded to build with. Python
# compiles what it imports, but keeps none of it where PYTHONDONTWRITEBYTECODE is set.
install_project() {
    uv pip install --quiet --python "$VENV/bin/python" \
        --no-deps --no-build-isolation --editable . &&
        "$VENV/bin/python" "$ROOT/requirements/movable.py" &&
        "$VENV/bin/python" -m compileall -q "$ROOT/components" "$ROOT/pipeline"
}

install() {
    started=$(date +%s)
    LOCK=$ROOT/requirements/tfx-$LINE.txt
    packages=$(grep -c '^[a-z]' "$LOCK")
    say "Setting up .venv: TFX $LINE with $INTERPRETER on $(platform_name)."
    cd "$ROOT"
    claim_venv
    step "Making the environment, .venv" make_venv
    step "Installing uv, the installer" install_uv
    step "Installing $packages locked packages, 3 GB; up to three minutes" install_lock
    step "Installing this project" install_project
    say "$CHOICE" >"$STAMP"
    say "Set-up done in $(($(date +%s) - started)) s." \
        "The command is .venv/bin/mnist-pipeline; '. .venv/bin/activate' puts it on PATH."
}

# What is done while no other set-up of this checkout is at work.
set_up() {
    CHOICE="TFX $LINE, $INTERPRETER, $ROOT"
    is_current || install
}

case ${1-} in
    --remove) remove_venv ;;
    --alone)
        LINE=$2
        INTERPRETER=$3
        set_up
        ;;
    *)
        choose
        if [ "${1-}" = --choose ]; then
            say "TFX $LINE with $INTERPRETER"
            exit 0
        fi
        require_usable_path
        require_compiler
        # Two set-ups at once would undo each other's work.
        exec "$INTERPRETER" "$ROOT/requirements/alone.py" "$BUSY" \
            /bin/sh "$0" --alone "$LINE" "$INTERPRETER"
        ;;
esac
