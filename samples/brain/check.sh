#!/usr/bin/env bash
# Prepares the head's series and checks that they lie where they say (see check.py).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox} PYTHONDONTWRITEBYTECODE=1
"$here/prepare.sh"
package=$("$here/../../setup/deb.sh" mricron-data 1.2.20211006+dfsg-4 \
    d40aa0ed66cf89bf6cafa049ad3884703c9d975c2ee2737525b7196528df9d6f)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
dpkg-deb --extract "$package" "$scratch"
PATH=$LIGHTBOX_CACHE/venv/bin:$PATH python "$here/check.py" "$LIGHTBOX_CACHE/brain" "$scratch/usr/share/mricron/templates"
