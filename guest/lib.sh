# What the guest builders share: cache, progress, cleaning up, disk making. Sourced by guest/build-tiny and guest/build-desktop.
# shellcheck shell=sh
# The builder sets `what` (its name in messages) before sourcing this.

cache="${YUNDESK_CACHE:-/var/cache/yundesk}/guest"
started=$(date +%s)
work=
mounted=
loop=

say() { echo "${what:?}: $(($(date +%s) - started)) s: $*" >&2; }
die() {
    echo "${what:?}: $*" >&2
    exit 1
}

# Ends what a cut-off build leaves behind: mount, loop device, working folder.
clean_up() {
    status=$?
    trap - EXIT HUP INT TERM
    [ -z "$mounted" ] || umount "$mounted" || umount -l "$mounted"
    [ -z "$loop" ] || losetup -d "$loop"
    [ -z "$work" ] || rm -rf "$work"
    exit $status
}

need_root() {
    [ "$(id -u)" = 0 ] || die "must run as root (it mounts a loop device); try: sudo guest/$what"
}

need_commands() {
    for command in "$@"; do
        command -v "$command" >/dev/null 2>&1 || die "the command '$command' is missing; run: tools/install-packages run"
    done
}

# recipe_hash FILE…: twelve digits that change when the recipe does.
recipe_hash() { cat "$@" | sha256sum | cut -c1-12; }

# begin NAME: from here on one builder of NAME at a time, `work` is a fresh folder beside the cache.
begin() {
    mkdir -p "$cache"
    exec 8>"$cache/$1.lock"
    flock -n 8 || {
        say "another build of $1 is running, waiting for it"
        flock 8
    }
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    # A build that was killed outright leaves its folder; nobody else can be using it while the lock is ours.
    rm -rf "$cache/$1.work."*
    work=$(mktemp -d "$cache/$1.work.XXXXXX")
    chmod 755 "$work"
}

# make_disk TREE|TAR OUT SIZE LABEL: an MBR disk with one ext4 partition holding the tree, started by extlinux.
# The tree must have boot/extlinux/extlinux.conf; LABEL names the file system. OUT is a compressed qcow2.
make_disk() {
    raw=$work/disk.raw
    truncate -s "$3" "$raw"
    echo '2048,,83,*' | sfdisk -q "$raw"
    dd if=/usr/lib/syslinux/mbr/mbr.bin of="$raw" conv=notrunc bs=440 count=1 status=none
    loop=$(losetup -f --show -o 1048576 "$raw") || die "no loop device to be had"
    # extlinux reads neither 64bit nor checksummed ext4
    mkfs.ext4 -q -F -L "$4" -O '^64bit,^metadata_csum' -E lazy_itable_init=1,lazy_journal_init=1 -m 1 "$loop"
    mounted=$work/mnt
    mkdir "$mounted"
    mount "$loop" "$mounted"
    if [ -d "$1" ]; then
        cp -a "$1/." "$mounted/"
    else
        tar -xf "$1" -C "$mounted" --numeric-owner --xattrs --xattrs-include='*'
    fi
    extlinux --install "$mounted/boot/extlinux" >/dev/null 2>&1 || die "extlinux could not install the boot loader"
    ! command -v fstrim >/dev/null || fstrim "$mounted" 2>/dev/null || true
    umount "$mounted"
    mounted=
    losetup -d "$loop"
    loop=
    qemu-img convert -c -m 2 -W -O qcow2 -o compression_type=zstd "$raw" "$2"
    rm -f "$raw"
}

# finish FILE CACHED OUT: puts the built FILE into the cache at once or not at all, then hands it out.
finish() {
    qemu-img check -q "$1" || die "the image that was just made is damaged"
    sync "$1"
    mv "$1" "$2"
    hand_out "$2" "$3"
}

# hand_out CACHED OUT: prints the path; with OUT, a copy of its own there.
hand_out() {
    if [ -n "$2" ]; then
        cp --reflink=auto "$1" "$2.tmp.$$"
        mv "$2.tmp.$$" "$2"
        say "done: $2"
        echo "$2"
    else
        say "done: $1"
        echo "$1"
    fi
}
