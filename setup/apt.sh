#!/usr/bin/env bash
# Installs the Debian packages that the demo (`apt.sh demo`), the tests (`apt.sh test`) or the comparison with other
# archives (`apt.sh bench`) need; says and does nothing when all are there. Services among them are kept from starting.
# Needs root or sudo only if something is missing.
set -euo pipefail

packages=(
    cmake g++ nasm  # the image codecs and SQLite are C and C++ sources, with assembly
    dcmtk           # foreign DICOM peer: storescu, echoscu, dump2dcm
)
case ${1:-test} in
    demo) ;;
    test) packages+=(
        chromium    # the browser of the end-to-end tests
        strace      # shows that bytes are synced before they are acknowledged
        libfaketime # sets the clock of a server forth and back
        orthanc orthanc-dicomweb    # a PACS that others wrote, in both directions
        docker-registry # a registry that others wrote, for packages of apps
        skopeo          # moves packages as others would
        jq openssl      # check them by hand, as docs/package.md says
    ) ;;
    bench) packages+=(
        orthanc orthanc-dicomweb    # the archive to compare with
        wrk                         # compiled load generator for HTTP
    ) ;;
    *) printf 'usage: apt.sh [demo|test|bench]\n' >&2; exit 2 ;;
esac
# A Python built from source brings its own venv; Debian's needs a package for it.
python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)

is_installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

missing=()
for package in "${packages[@]}"; do is_installed "$package" || missing+=("$package"); done
[[ ${#missing[@]} -eq 0 ]] && exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
    sudo --non-interactive true 2>/dev/null || {
        printf 'debian packages are missing and this is not root: run `sudo apt-get install --no-install-recommends %s`\n' \
            "${missing[*]}" >&2
        exit 1
    }
    as_root=(sudo)
fi

# While this file answers 101 no package may start a service; what was there before comes back at the end.
policy=/usr/sbin/policy-rc.d
kept=$(mktemp --dry-run --tmpdir=/usr/sbin policy-rc.d.XXXXXX)
restore_policy() {
    if [[ -e $kept ]]; then "${as_root[@]}" mv "$kept" "$policy"; else "${as_root[@]}" rm -f "$policy"; fi
}
if [[ -e $policy ]]; then "${as_root[@]}" mv "$policy" "$kept"; fi
trap restore_policy EXIT
printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
"${as_root[@]}" chmod 755 "$policy"

apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -qq "$@"
}
printf 'installing %s …\n' "${missing[*]}"
apt update
apt install --yes --no-install-recommends "${missing[@]}" >/dev/null
