// SPDX-License-Identifier: Apache-2.0
// Writes .vv files. remote-viewer sends CONNECT with Proxy-Authorization at once when the proxy's
// URL has a user and a password; the gate takes the ticket from there.
#include "service/vv-file.h"

// GKeyFile's own escaping would do, but remote-viewer reads values raw up to the line's end: what
// could end the line or begin a group is left out.
static void
add(GString *text, const char *key, const char *value)
{
    g_string_append_printf(text, "%s=", key);
    for (const char *c = value; *c; c++) {
        if ((guchar)*c >= 0x20 && *c != 0x7f && *c != '\\')
            g_string_append_c(text, *c);
    }
    g_string_append_c(text, '\n');
}

char *
yd_vv_file(const YdVvFile *file)
{
    GString *text = g_string_new("[virt-viewer]\ntype=spice\n");
    gboolean colons = strchr(file->host, ':') != NULL;
    g_autofree char *proxy =
        g_strdup_printf("%s://ticket:%s@%s%s%s:%u", file->tls ? "https" : "http", file->ticket,
                        colons ? "[" : "", file->host, colons ? "]" : "", file->port);
    add(text, "host", file->desktop_id);
    g_string_append(text, "port=5900\n");
    add(text, "password", file->password);
    add(text, "proxy", proxy);
    add(text, "title", file->name);
    g_string_append(text, "delete-this-file=1\nfullscreen=0\nenable-usbredir=");
    g_string_append(text, file->policy->usb ? "1\n" : "0\n");
    g_string_append(text, "toggle-fullscreen=shift+f11\nrelease-cursor=shift+f12\n");
    g_string_append(text, "secure-attention=ctrl+alt+end\n");
    return g_string_free(text, FALSE);
}
