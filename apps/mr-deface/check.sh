#!/usr/bin/env bash
# Prepares the release and checks it against the original's arithmetic and on a real head (see check.py).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox} PYTHONDONTWRITEBYTECODE=1
"$here/prepare.sh"
"$root/samples/brain/prepare.sh"
package=$("$root/setup/sdist.sh" deepdefacer 2.1.2 6dda7723cf006bcc157f746e348287f5d1dd361f764a74b830cbcc3afafdbe28)
PYTHONPATH=$root/samples/brain "$LIGHTBOX_CACHE/venv/bin/python" "$here/check.py" \
    "$LIGHTBOX_CACHE/apps/mr-deface-2.1.2/model.onnx" "$package" "$LIGHTBOX_CACHE/brain" "$@"
