// SPDX-License-Identifier: Apache-2.0
// Writes the clone's script. Only POSIX sh and tools that both busybox and Debian have.
#include "service/clone-script.h"

#include <string.h>

#define SETTLED                                                                                    \
    "[ \"$(systemctl is-system-running 2>/dev/null)\" != starting ] || exit 75\n"                  \
    "sync\n"

// The numbers are those of linux/random.h: _IOW('R', 3, int[2]) and _IO('R', 7).
static const char script_entropy[] =
    "set -eu\n"
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin${PATH:+:$PATH}\n"
    "have() { command -v \"$1\" >/dev/null 2>&1; }\n"
    "reseed() {\n"
    "    if have yundesk-reseed; then\n"
    "        yundesk-reseed\n"
    "    elif have perl; then\n"
    "        perl -e '$b = pack(\"H*\", <STDIN>); open(R, \">\", \"/dev/random\") or die $!;\n"
    "            $p = pack(\"ii\", 8 * length($b), length($b)) . $b;\n"
    "            ioctl(R, 0x40085203, $p) or die $!; $n = 0; ioctl(R, 0x5207, $n) or die $!'\n"
    "    elif have python3; then\n"
    "        python3 -c 'import fcntl, struct, sys\n"
    "b = bytes.fromhex(sys.stdin.read())\n"
    "f = open(\"/dev/random\", \"wb\")\n"
    "fcntl.ioctl(f, 0x40085203, struct.pack(\"ii\", 8 * len(b), len(b)) + b)\n"
    "fcntl.ioctl(f, 0x5207)'\n"
    "    else\n"
    "        echo 'neither perl nor python3 is there to renew the random numbers' >&2\n"
    "        return 1\n"
    "    fi\n"
    "}\n"
    "main() {\n"
    "printf '%s' \"$SEED\" | reseed\n"
    "date -u -s \"@$NOW\" >/dev/null\n"
    "echo \"$HOST\" >/etc/hostname\n"
    "echo \"$HOST\" >/proc/sys/kernel/hostname\n"
    "if [ -f /etc/machine-id ]; then\n"
    "    IFS=- read -r a b c d e </proc/sys/kernel/random/uuid\n"
    "    umask 0333\n"
    "    echo \"$a$b$c$d$e\" >/etc/machine-id.new\n"
    "    umask 022\n"
    "    mv /etc/machine-id.new /etc/machine-id\n"
    "    if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then\n"
    "        echo \"$a$b$c$d$e\" >/var/lib/dbus/machine-id\n"
    "    fi\n"
    "fi\n"
    "[ ! -d /run ] || echo \"$DESKTOP\" >" YD_CLONE_RENEWED "\n";

// systemd-networkd and NetworkManager see a new card themselves. All of it is in the background:
// the card comes when this script has ended, and asking systemd takes a while.
static const char script_network[] =
    "(\n"
    "    for manager in systemd-networkd NetworkManager; do\n"
    "        if have systemctl && systemctl -q is-active $manager; then exit 0; fi\n"
    "    done\n"
    "    nic= tries=0\n"
    "    while [ -z \"$nic\" ] && [ $tries -lt 300 ]; do\n"
    "        for dir in /sys/class/net/*; do\n"
    "            address=\n"
    "            read -r address 2>/dev/null <\"$dir/address\" || :\n"
    "            [ \"$address\" != \"$MAC\" ] || nic=${dir##*/}\n"
    "        done\n"
    "        [ -n \"$nic\" ] || sleep 0.05\n"
    "        tries=$((tries + 1))\n"
    "    done\n"
    "    [ -n \"$nic\" ] || exit 0\n"
    "    ip link set \"$nic\" up\n"
    "    if have dhclient; then\n"
    "        dhclient \"$nic\"\n"
    "    elif have udhcpc; then\n"
    "        udhcpc -i \"$nic\" -t 60 -T 1 -A 1 -b -x \"hostname:$HOST\" \\\n"
    "            -s /usr/share/udhcpc/default.script -p /run/udhcpc.pid\n"
    "    fi\n"
    ") >/dev/null 2>&1 &\n"
    "}\n"
    "main </dev/null\n";

char *
yd_clone_script(const guint8 entropy[YD_CLONE_ENTROPY_BYTES], const char *desktop_id,
                const char *mac, const char *hostname, gint64 now)
{
    g_autofree char *host = g_shell_quote(hostname);
    g_autofree char *desktop = g_shell_quote(desktop_id);
    g_autofree char *card = g_ascii_strdown(mac, -1);
    g_autofree char *quoted = g_shell_quote(card);
    GString *script = g_string_sized_new(4096); // never grows, so that no copy of the seed is left
    g_string_append(script, "SEED=");
    for (guint i = 0; i < YD_CLONE_ENTROPY_BYTES; i++)
        g_string_append_printf(script, "%02x", entropy[i]);
    g_string_append_printf(script, "\nDESKTOP=%s\nHOST=%s\nMAC=%s\nNOW=%" G_GINT64_FORMAT "\n",
                           desktop, host, quoted, now);
    g_string_append(script, script_entropy);
    g_string_append(script, script_network);
    return g_string_free(script, FALSE);
}

const char *
yd_clone_settled_script(gboolean rdp)
{
    // 0D3D: port 3389; 0A: it listens (proc(5), /proc/net/tcp)
    return rdp ? "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | "
                 "grep -q '^ *[0-9]*: [0-9A-F]*:0D3D [0-9A-F]*:0000 0A' || exit 75\n" SETTLED
               : SETTLED;
}
