// SPDX-License-Identifier: Apache-2.0
// Writes the script. A line of the template that is switched off stays as a comment ";yundesk …",
// and what stands in its place follows a comment ";yundesk+": so the next run finds its way back.
#include "service/guest-policy.h"

static const struct {
    const char *name;
    gsize offset;
} switches[] = {
    {"clipboard", G_STRUCT_OFFSET(YdPolicy, clipboard)},
    {"drives", G_STRUCT_OFFSET(YdPolicy, drives)},
    {"printers", G_STRUCT_OFFSET(YdPolicy, printers)},
    {"audio", G_STRUCT_OFFSET(YdPolicy, audio)},
    {"multimon", G_STRUCT_OFFSET(YdPolicy, multimon)},
};

// What each switch turns off in xrdp.ini(5), as section:key=value: the channels are what counts.
// sesman.ini(5) could restrict the clipboard as well, but a session's channel server reads that
// only once, when it starts: a session would keep it when the policy allows the clipboard again.
static const struct {
    gsize offset;
    const char *rule;
} rules[] = {
    {G_STRUCT_OFFSET(YdPolicy, clipboard), "channels:cliprdr=false"},
    {G_STRUCT_OFFSET(YdPolicy, drives), "channels:rdpdr=false"}, // smart cards come with it
    {G_STRUCT_OFFSET(YdPolicy, audio), "channels:rdpsnd=false"},
    {G_STRUCT_OFFSET(YdPolicy, multimon), "globals:allow_multimon=false"},
};

// A shell of its own, so that what is appended to the script runs as if it stood alone.
static const char script_head[] =
    "(\n"
    "set -eu\n"
    "R=${YUNDESK_ROOT:-}\n"
    "umask 022\n"
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin${PATH:+:$PATH}\n" YD_GUEST_SCRIPT_TURN;

// Files are written under names of this shell's own, for guests without flock.
// channel.NAME in a session type's section would win over [Channels].
static const char script_change[] =
    "change() {\n"
    "    [ -f \"$1\" ] || return 0\n"
    "    if [ -z \"$2\" ]; then\n" // nothing to switch off, and often nothing to bring back
    "        ours=\n"
    "        while read -r line || [ -n \"$line\" ]; do\n"
    "            case $line in \";yundesk\"*) ours=yes ;; esac\n"
    "        done <\"$1\"\n"
    "        [ -n \"$ours\" ] || return 0\n"
    "    fi\n"
    "    new=$1.yundesk.$$\n"
    "    cp -p \"$1\" \"$new\"\n"
    "    awk -v off=\"$2\" '\n"
    "    BEGIN {\n"
    "        n = split(off, item, \" \")\n"
    "        for (i = 1; i <= n; i++) {\n"
    "            at = index(item[i], \":\")\n"
    "            where[i] = substr(item[i], 1, at - 1)\n"
    "            line[i] = substr(item[i], at + 1)\n"
    "            key[i] = tolower(line[i])\n"
    "            sub(/=.*/, \"\", key[i])\n"
    "        }\n"
    "    }\n"
    "    $0 == \";yundesk+\" { ours = 1; next }\n"
    "    ours { ours = 0; next }\n"
    "    { sub(/^;yundesk /, \"\"); name = tolower($0) }\n"
    "    name ~ /^[ \\t]*\\[/ {\n"
    "        section = name\n"
    "        sub(/^[ \\t]*\\[/, \"\", section)\n"
    "        sub(/\\].*/, \"\", section)\n"
    "        print\n"
    "        for (i = 1; i <= n; i++)\n"
    "            if (where[i] == section) print \";yundesk+\\n\" line[i]\n"
    "        next\n"
    "    }\n"
    "    {\n"
    "        if (name ~ /=/) {\n"
    "            sub(/=.*/, \"\", name)\n"
    "            gsub(/[ \\t]/, \"\", name)\n"
    "            for (i = 1; i <= n; i++)\n"
    "                if ((where[i] == section && name == key[i]) ||\n"
    "                    (where[i] == \"channels\" && name == \"channel.\" key[i])) {\n"
    "                    print \";yundesk \" $0\n"
    "                    next\n"
    "                }\n"
    "        }\n"
    "        print\n"
    "    }' \"$1\" >\"$new\"\n"
    "    if cmp -s \"$1\" \"$new\"; then\n" // no cmp there: as if they differed
    "        rm \"$new\"\n"
    "    else\n"
    "        mv \"$new\" \"$1\"\n"
    "    fi\n"
    "}\n";

static gboolean
is_allowed(const YdPolicy *policy, gsize offset)
{
    return *(const gboolean *)(gconstpointer)((const guint8 *)policy + offset);
}

static void
add_rules(GString *script, const YdPolicy *policy)
{
    g_string_append(script, "change \"$R/etc/xrdp/xrdp.ini\" '");
    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (!is_allowed(policy, rules[i].offset))
            g_string_append_printf(script, "%s ", rules[i].rule);
    }
    // A former version restricted the clipboard there.
    g_string_append(script, "'\nchange \"$R/etc/xrdp/sesman.ini\" ''\n");
}

char *
yd_guest_policy_script(const YdPolicy *policy)
{
    GString *script = g_string_new(script_head);
    g_string_append(script, script_change);
    g_string_append(script, "apply() {\n"
                            "new=$R/etc/yundesk-policy.$$\n"
                            "cat >\"$new\" <<'END'\n"
                            "# Written by Yundesk from the pool's policy.\n");
    for (gsize i = 0; i < G_N_ELEMENTS(switches); i++)
        g_string_append_printf(script, "%s=%s\n", switches[i].name,
                               is_allowed(policy, switches[i].offset) ? "yes" : "no");
    g_string_append(script, "END\n"
                            "mv \"$new\" \"$R/etc/yundesk-policy\"\n");
    add_rules(script, policy);
    g_string_append(script, "}\n"
                            "apply </dev/null\n"
                            ")\n"
                            "[ $? = 0 ] || exit 1\n");
    return g_string_free(script, FALSE);
}
