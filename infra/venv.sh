#!/bin/sh
# Makes .venv what the locks say, or says in one sentence why it cannot. Run from the repository's root by `make`;
# done already, it takes some milliseconds. `.venv/ready` is written last: a half-made environment never counts.
set -eu

locks="requirements/dev.txt requirements/weights.txt"
supported='import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'
wanted="$(cat $locks | cksum) ${PYTHON:-}"

refuse() {
    printf 'tidegate: %s\n' "$1" >&2
    exit 1
}

# A name on PATH may be a shim that fails: only running it tells.
runs() { command -v "$1" >/dev/null 2>&1 && "$1" -c "$supported" >/dev/null 2>&1; }

interpreter() {
    if [ -n "${PYTHON:-}" ]; then
        runs "$PYTHON" || refuse "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13 with its venv module."
        echo "$PYTHON"
        return
    fi
    for candidate in python3.13 python3.12 python3.11 python3; do
        if runs "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    refuse "Python 3.11, 3.12 or 3.13 with its venv module is needed and none was found: install one, or name it with PYTHON=/path/to/python."
}

# Runs a step silently; a failure becomes one sentence and leaves nothing that looks like an environment.
step() {
    what=$1
    shift
    said=$("$@" 2>&1) && return
    rm -rf .venv
    case $said in
        *"No space left"* | *"os error 28"* | *"Disk quota"*)
            refuse "the disk is full: free 1 GB and run the command again." ;;
        *"error sending request"* | *"dns error"* | *"onnection"* | *"name resolution"* | *"timed out"* | *"No matching distribution"*)
            refuse "the Python package index cannot be reached: the first run needs the network, later ones do not." ;;
    esac
    printf '%s\n' "$said" | tail -n 15 >&2
    refuse "$what failed; its last words are above."
}

# uv does not read pip's configuration: hand on the index that pip was told to use, if any.
index() {
    printf '%s' "${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)}}"
}

if [ -f .venv/ready ]; then
    made=$(cat .venv/ready)
    # Without PYTHON, an environment that was made with one will do.
    case $made in
        "$wanted"*) if .venv/bin/python -c '' 2>/dev/null; then exit 0; fi ;;
    esac
fi

python=$(interpreter)
echo "tidegate: making .venv with $("$python" --version 2>&1), once" >&2
rm -rf .venv
step "Making the virtual environment" "$python" -m venv .venv
step "Reading the lock" sh -c "sed -n '/^uv==/,/[^\\\\]\$/p' requirements/dev.txt >.venv/uv.txt"
step "Installing uv" .venv/bin/python -m pip install --quiet --require-hashes --no-deps -r .venv/uv.txt
url=$(index)
[ -z "$url" ] || export UV_DEFAULT_INDEX="$url"
# sync installs what the locks list and follows no dependency: wordllama's own stay out.
step "Installing the dependencies" env VIRTUAL_ENV="$PWD/.venv" .venv/bin/uv pip sync --quiet --require-hashes $locks
printf '%s\n' "$wanted" >.venv/partial
mv .venv/partial .venv/ready
