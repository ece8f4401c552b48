// SPDX-License-Identifier: Apache-2.0
// The agent is root and the home is its person's, who may put links anywhere in it: so the pieces
// wait where only root gets to, and the file itself is made by the person's own user.
#include "service/guest-give.h"

#define PLACE "${YUNDESK_ROOT:-}/var/lib/yundesk/give-back"

static const char script_head[] =
    "set -eu\n"
    "R=${YUNDESK_ROOT:-}\n"
    "umask 077\n"
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin${PATH:+:$PATH}\n"
    "[ -z \"$R\" ] || PATH=$R/bin:$PATH\n"
    "have() { command -v \"$1\" >/dev/null 2>&1; }\n"
    "die() { echo \"$*\" >&2; exit 1; }\n";

// Run by the person's user: $1 home, $2 path in base64, $3 stamp, $4 mode, $5 time; the file comes
// in.
static const char script_person[] =
    "set -euf\n"
    "umask 077\n"
    "cd \"$1\"\n"
    "path=$(printf %s \"$2\" | base64 -d; echo x)\n"
    "path=${path%x}\n"
    "case $path in\n"
    "*/*) dir=${path%/*} name=${path##*/} ;;\n"
    "*) dir=. name=$path ;;\n"
    "esac\n"
    "case $name in\n"
    "?*.*) stem=${name%.*} ext=.${name##*.} ;;\n"
    "*) stem=$name ext= ;;\n"
    "esac\n"
    "mkdir -p \"./$dir\"\n"
    "cd \"./$dir\"\n"
    "n=1 new=\"./$stem ($3)$ext\"\n"
    "while ! (set -C; : >\"$new\") 2>/dev/null; do\n"
    "    [ -e \"$new\" ] || [ -L \"$new\" ] || { echo 'no file can be made there' >&2; exit 1; }\n"
    "    n=$((n + 1))\n"
    "    [ $n -lt 1000 ] || { echo 'there are 1000 of it' >&2; exit 1; }\n"
    "    new=\"./$stem ($3) $n$ext\"\n"
    "done\n"
    "cat >\"$new\" || { rm -f \"$new\"; exit 1; }\n"
    "chmod \"$4\" \"$new\"\n"
    "touch -d \"@$5\" \"$new\" 2>/dev/null || :\n"
    "[ \"$dir\" = . ] && dir= || dir=$dir/\n"
    "printf '%s%s' \"$dir\" \"${new#./}\" | base64 | tr -d '\\n'\n";

static const char script_place[] =
    "[ ! -f \"$S.done\" ] || { cat \"$S.done\"; exit 0; }\n"
    "home=$(awk -F: -v name=\"$NAME\" '$1 == name { print $6 }' \"$R/etc/passwd\")\n"
    "case $home in\n"
    "/?*) ;;\n"
    "*) die \"the account '$NAME' has no home in the guest\" ;;\n"
    "esac\n"
    "path=$(printf %s \"$PATH64\" | base64 -d; echo x)\n"
    "path=${path%x}\n"
    "case $path in\n"
    "\"$home\"/?*) PATH64=$(printf %s \"${path#\"$home\"/}\" | base64 | tr -d '\\n') ;;\n"
    "/*) die \"it does not lie in $NAME's home ($home)\" ;;\n"
    "esac\n"
    "i=0\n"
    ": >\"$S/whole\"\n"
    "while [ $i -lt \"$PIECES\" ]; do\n"
    "    cat \"$S/$i\" >>\"$S/whole\"\n"
    "    i=$((i + 1))\n"
    "done\n"
    "sum=$(sha256sum <\"$S/whole\")\n"
    "[ \"${sum%% *}\" = \"$SUM\" ] || die 'it did not arrive as it was sent'\n"
    "as_person() {\n"
    "    if [ -n \"$R\" ]; then \"$@\"\n"
    "    elif have runuser; then runuser -u \"$NAME\" -- \"$@\"\n"
    "    elif have su; then\n"
    "        words=\n"
    "        for word do words=\"$words '$(printf %s \"$word\" | sed \"s/'/'\\\\\\\\''/g\")'\"; "
    "done\n"
    "        su -s /bin/sh -c \"$words\" \"$NAME\"\n"
    "    else die 'the guest has neither runuser nor su'; fi\n"
    "}\n"
    "cd /\n"
    "as_person /bin/sh -c \"$PERSON\" sh \"$R$home\" \"$PATH64\" \"$STAMP\" \"$MODE\" \"$TIME\" "
    "<\"$S/whole\" >\"$S.new\"\n"
    "mv \"$S.new\" \"$S.done\"\n"
    "rm -rf \"$S\"\n"
    "cat \"$S.done\"\n";

char *
yd_guest_give_piece(const char *job, guint number)
{
    return g_strdup_printf("umask 077; d=" PLACE "/%s; mkdir -p \"$d\" && base64 -d >\"$d/%u.new\" "
                           "&& mv \"$d/%u.new\" \"$d/%u\"",
                           job, number, number, number);
}

static void
set(GString *script, const char *name, const char *value)
{
    g_autofree char *quoted = g_shell_quote(value);
    g_string_append_printf(script, "%s=%s\n", name, quoted);
}

char *
yd_guest_give_place(const YdGuestGive *what)
{
    gsize n = 0;
    const guchar *bytes = g_bytes_get_data(what->path, &n);
    g_autofree char *path = g_base64_encode(bytes, n);
    GString *script = g_string_new(script_head);
    g_string_append_printf(script,
                           "S=" PLACE "/%s\nPIECES=%u\nMODE=%o\nTIME=%" G_GINT64_FORMAT "\n",
                           what->job, what->pieces, what->mode & 0777, what->modified);
    set(script, "NAME", what->username);
    set(script, "PATH64", path);
    set(script, "STAMP", what->stamp);
    set(script, "SUM", what->sha256);
    set(script, "PERSON", script_person);
    g_string_append(script, script_place);
    return g_string_free(script, FALSE);
}

char *
yd_guest_give_tidy(const char *job)
{
    return g_strdup_printf("S=" PLACE "/%s; rm -rf \"$S\" \"$S.new\" \"$S.done\"", job);
}
