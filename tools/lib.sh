# What the checks share. Sourced by tools/check-*.
# shellcheck shell=sh
cd "$(dirname "$0")/.." || exit 1

# files PATTERN…: the project's files of these patterns, tracked or new, that exist.
files() {
    if [ -e .git ] && command -v git >/dev/null 2>&1; then
        git -c core.quotepath=off ls-files -co --exclude-standard -- "$@"
    else # an unpacked archive
        for pattern in "$@"; do
            find . -path './build*' -prune -o -path '*/node_modules' -prune -o -type f -name "${pattern##*/}" -print | sed 's|^\./||'
        done
    fi | sort -u | while read -r file; do [ ! -f "$file" ] || echo "$file"; done
}

# verdict COUNT WHAT: how a check ends; COUNT faults were found.
verdict() {
    if [ "$1" -gt 0 ]; then
        echo "$(basename "$0"): $1 $2"
        exit 1
    fi
    echo "$(basename "$0"): fine"
}
