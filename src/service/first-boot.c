// SPDX-License-Identifier: Apache-2.0
// Writes the first-boot script. Everything that comes from outside goes through quote() or is PEM;
// the script is one function called with stdin from /dev/null, so that no command eats what the
// shell has yet to read. Only POSIX sh and tools that both busybox and Debian have; what the shell
// can do itself it does, since a person waits and each process is slow where guests are emulated.
#include "service/first-boot.h"

#include "service/guest-policy.h"

#include <string.h>

static const char script_head[] =
    "# Makes this guest a desktop of its own; sent by Yundesk.\n"
    "set -eu\n"
    "R=${YUNDESK_ROOT:-}\n"
    "umask 022\n"
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin${PATH:+:$PATH}\n"
    "[ -z \"$R\" ] || PATH=$R/bin:$PATH\n"
    "have() { command -v \"$1\" >/dev/null 2>&1; }\n"
    "step=begin\n"
    "trap '[ \"$step\" = done ] || echo \"first boot failed at: $step\" >&2' "
    "EXIT\n" YD_GUEST_SCRIPT_TURN // one after another
    "main() {\n";

static const char script_identity[] =
    "step=hostname\n"
    "echo \"$HOST\" >\"$R/etc/hostname\"\n"
    "echo \"$HOST\" >\"$R/proc/sys/kernel/hostname\"\n"
    "if [ -f \"$R/etc/hosts\" ]; then\n"
    "    grep -v '^127\\.0\\.1\\.1[[:space:]]' \"$R/etc/hosts\" >\"$R/etc/hosts.new\" || :\n"
    "    echo \"127.0.1.1 $HOST\" >>\"$R/etc/hosts.new\"\n"
    "    mv \"$R/etc/hosts.new\" \"$R/etc/hosts\"\n"
    "fi\n"
    "step=machine-id\n"
    "if [ -f \"$R/etc/machine-id\" ]; then\n"
    "    id=$(tr -d '-' </proc/sys/kernel/random/uuid)\n"
    "    echo \"$id\" >\"$R/etc/machine-id.new\"\n"
    "    chmod 444 \"$R/etc/machine-id.new\"\n"
    "    mv \"$R/etc/machine-id.new\" \"$R/etc/machine-id\"\n"
    "    if [ -f \"$R/var/lib/dbus/machine-id\" ] && [ ! -L \"$R/var/lib/dbus/machine-id\" ]; "
    "then\n"
    "        echo \"$id\" >\"$R/var/lib/dbus/machine-id\"\n"
    "    fi\n"
    "fi\n"
    "step=ssh-keys\n"
    "if [ -d \"$R/etc/ssh\" ] && have ssh-keygen; then\n"
    "    rm -f \"$R\"/etc/ssh/ssh_host_*_key \"$R\"/etc/ssh/ssh_host_*_key.pub\n"
    "    ssh-keygen -A ${R:+-f \"$R\"} >/dev/null\n"
    "fi\n";

static const char script_place[] = "    chmod 644 cert.pem.new\n"
                                   "    chmod 600 key.pem.new\n"
                                   "    if grep -q '^xrdp:' \"$R/etc/group\"; then\n"
                                   "        chgrp xrdp key.pem.new\n"
                                   "        chmod 640 key.pem.new\n"
                                   "    fi\n"
                                   "    mv key.pem.new key.pem\n"
                                   "    mv cert.pem.new cert.pem\n"
                                   "    cd /\n"
                                   "fi\n";

static const char script_rdp[] = "if [ -f \"$R/etc/xrdp/rsakeys.ini\" ] && have xrdp-keygen; then\n"
                                 "    xrdp-keygen xrdp \"$R/etc/xrdp/rsakeys.ini\" >/dev/null\n"
                                 "fi\n"
                                 "step=session\n"
                                 "mkdir -p \"$R/etc/default\"\n"
                                 "echo \"VDI_SESSION=$SESSION\" >\"$R/etc/default/vdi-session\"\n";

static const char script_account[] =
    "step=account\n"
    "[ -n \"$NAME\" ] && [ -n \"$UID_\" ]\n"
    "there= groups=\n"
    "while IFS=: read -r name x uid x; do\n"
    "    [ \"$name\" != \"$NAME\" ] || there=$uid\n"
    "done <\"$R/etc/passwd\"\n"
    "while IFS=: read -r name x; do\n"
    "    case $name in audio | video | render | plugdev) groups=${groups:+$groups,}$name ;; esac\n"
    "done <\"$R/etc/group\"\n"
    "if [ -z \"$there\" ]; then\n"
    "    if have useradd; then\n"
    "        useradd -m -u \"$UID_\" -s /bin/bash ${groups:+-G \"$groups\"} \"$NAME\"\n"
    "    else\n"
    "        adduser -D -u \"$UID_\" \"$NAME\"\n"
    "    fi\n"
    "elif [ \"$there\" != \"$UID_\" ]; then\n"
    "    echo \"the template has an account '$NAME' with uid $there already\" >&2\n"
    "    return 1\n"
    "elif [ -n \"$groups\" ] && have usermod; then\n"
    "    usermod -a -G \"$groups\" \"$NAME\"\n"
    "fi\n"
    "[ -z \"$HASH\" ] || printf '%s:%s\\n' \"$NAME\" \"$HASH\" | chpasswd -e\n";

static const char script_mark[] = "step=mark\n"
                                  "echo \"$DESKTOP\" >\"$R/etc/yundesk-desktop.new\"\n"
                                  "sync\n"
                                  "mv \"$R/etc/yundesk-desktop.new\" \"$R/etc/yundesk-desktop\"\n";

static const char script_tail[] = "step=done\n"
                                  "}\n"
                                  "main </dev/null\n";

static void
set_variable(GString *script, const char *name, const char *value)
{
    g_autofree char *quoted = g_shell_quote(value);
    g_string_append_printf(script, "%s=%s\n", name, quoted);
}

static void
add_file(GString *script, const char *name, const char *pem)
{
    // A here-document with a quoted end mark is taken as it is; PEM has no such line.
    g_string_append_printf(script,
                           "    (umask 077 && cat >%s.new) <<'YUNDESK-END'\n%s%sYUNDESK-END\n",
                           name, pem, g_str_has_suffix(pem, "\n") ? "" : "\n");
}

static void
add_certificate(GString *script, const char *certificate, const char *key)
{
    g_string_append(script, "step=certificate\n"
                            "if [ -d \"$R/etc/xrdp\" ]; then\n"
                            "    cd \"$R/etc/xrdp\"\n"
                            "    rm -f cert.pem.new key.pem.new\n");
    add_file(script, "cert.pem", certificate);
    add_file(script, "key.pem", key);
    g_string_append(script, script_place);
}

static gboolean
is_account(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    gsize length = strlen(name);
    return length >= 1 && length <= 32 && strspn(name, allowed) == length && name[0] != '-' &&
           name[0] != '.' && strcmp(name, "root") != 0;
}

static gboolean
check_account(const char *username, GError **error)
{
    if (is_account(username))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                "username: \"%s\" cannot be an account in a guest (1 to 32 of a-z 0-9 . _ -, "
                "not root); rename the user",
                username);
    return FALSE;
}

static void
set_account(GString *script, const char *username, gint64 uid, const char *hash)
{
    set_variable(script, "NAME", username);
    set_variable(script, "HASH", hash ? hash : "");
    g_string_append_printf(script, "UID_=%" G_GINT64_FORMAT "\n", uid);
}

char *
yd_first_boot_script(const YdFirstBoot *what, GError **error)
{
    if (what->username && !check_account(what->username, error))
        return NULL;
    GString *script = g_string_sized_new(8192);
    set_variable(script, "DESKTOP", what->desktop_id);
    set_variable(script, "HOST", what->hostname);
    set_variable(script, "SESSION", what->session);
    if (what->username)
        set_account(script, what->username, what->uid, NULL);
    g_string_append(script, script_head);
    g_string_append(script, script_identity);
    add_certificate(script, what->certificate, what->key);
    g_string_append(script, script_rdp);
    if (what->username)
        g_string_append(script, script_account);
    g_string_append(script, script_mark);
    g_string_append(script, script_tail);
    return g_string_free(script, FALSE);
}

char *
yd_first_boot_account_script(const char *username, gint64 uid, const char *hash, GError **error)
{
    if (!check_account(username, error))
        return NULL;
    GString *script = g_string_sized_new(4096);
    set_account(script, username, uid, hash);
    g_string_append(script, script_head);
    g_string_append(script, script_account);
    g_string_append(script, script_tail);
    return g_string_free(script, FALSE);
}

char *
yd_first_boot_certificate_script(const char *certificate, const char *key)
{
    GString *script = g_string_sized_new(8192);
    g_string_append(script, script_head);
    add_certificate(script, certificate, key);
    g_string_append(script, script_tail);
    return g_string_free(script, FALSE);
}

const char *
yd_first_boot_check(void)
{
    return "cat /etc/yundesk-desktop 2>/dev/null; exit 0\n";
}

char *
yd_first_boot_hostname(const char *desktop_name, const char *desktop_id)
{
    GString *name = g_string_new(NULL);
    gboolean same = TRUE; // the name says it all
    for (const char *c = desktop_name; *c; c++) {
        if (g_ascii_isalnum(*c))
            g_string_append_c(name, g_ascii_tolower(*c));
        else if (name->len > 0 && name->str[name->len - 1] != '-')
            g_string_append_c(name, '-');
        same = same && (g_ascii_islower(*c) || g_ascii_isdigit(*c) || *c == '-');
    }
    const char *tail = desktop_id + MAX(0, (gssize)strlen(desktop_id) - 6);
    same = same && name->len <= 32;
    if (!same)
        g_string_truncate(name, MIN(name->len, 25));
    while (name->len > 0 && name->str[name->len - 1] == '-')
        g_string_truncate(name, name->len - 1);
    if (name->len == 0)
        g_string_append(name, "desk");
    if (!same || strcmp(name->str, "desk") == 0)
        g_string_append_printf(name, "-%s", tail);
    return g_string_free(name, FALSE);
}
