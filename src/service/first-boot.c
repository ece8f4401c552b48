// SPDX-License-Identifier: Apache-2.0
// Writes the first-boot script. Everything that comes from outside goes through quote() or is PEM;
// the script is one function called with stdin from /dev/null, so that no command eats what the
// shell has yet to read. Only POSIX sh and tools that both busybox and Debian have; what the shell
// can do itself it does, since a person waits and each process is slow where guests are emulated.
#include "service/first-boot.h"

#include "service/clone-script.h"
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
    "    while IFS= read -r line || [ -n \"$line\" ]; do\n"
    "        case $line in 127.0.1.1[[:space:]]*) ;; *) printf '%s\\n' \"$line\" ;; esac\n"
    "    done <\"$R/etc/hosts\" >\"$R/etc/hosts.new\"\n"
    "    echo \"127.0.1.1 $HOST\" >>\"$R/etc/hosts.new\"\n"
    "    mv \"$R/etc/hosts.new\" \"$R/etc/hosts\"\n"
    "fi\n"
    "step=machine-id\n"
    "renewed=\n" // by clone-script.h, since this guest woke up
    "[ ! -r \"$R" YD_CLONE_RENEWED "\" ] || read -r renewed <\"$R" YD_CLONE_RENEWED "\" || :\n"
    "if [ -f \"$R/etc/machine-id\" ] && [ \"$renewed\" != \"$DESKTOP\" ]; then\n"
    "    IFS=- read -r a b c d e </proc/sys/kernel/random/uuid\n"
    "    id=$a$b$c$d$e\n"
    "    umask 0333\n"
    "    echo \"$id\" >\"$R/etc/machine-id.new\"\n"
    "    umask 022\n"
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

static const char script_place[] = "    umask 022\n"
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
                                 "[ -d \"$R/etc/default\" ] || mkdir -p \"$R/etc/default\"\n"
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

// By printf, which is the shell's own: the text is on no command line.
static void
add_file(GString *script, const char *name, const char *pem)
{
    g_autofree char *quoted = g_shell_quote(pem);
    const char *end = g_str_has_suffix(pem, "\n") ? "" : "\\n";
    g_string_append_printf(script, "    printf '%%s%s' %s >%s.new\n", end, quoted, name);
    memset(quoted, 0, strlen(quoted));
}

static void
add_certificate(GString *script, const char *certificate, const char *key)
{
    g_string_append(script, "step=certificate\n"
                            "if [ -d \"$R/etc/xrdp\" ]; then\n"
                            "    cd \"$R/etc/xrdp\"\n"
                            "    rm -f cert.pem.new key.pem.new\n");
    add_file(script, "cert.pem", certificate);
    g_string_append(script, "    umask 077\n");
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
