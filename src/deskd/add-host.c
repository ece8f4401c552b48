// SPDX-License-Identifier: Apache-2.0
// See add-host.h.
#include "deskd/add-host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>
#include <glib/gstdio.h>

#include "base/error.h"
#include "base/id.h"
#include "service/ca.h"

static gboolean
check(const DeskdConfig *config, const char *option, const DeskdAdd *add, const char *gate,
      GError **error)
{
    if (!add->out || !add->manager || !strchr(add->manager, ':'))
        return yd_error_invalid(error, option,
                                "give --out FOLDER, and --manager ADDRESS:PORT of the gate beside "
                                "deskd as the other machine reaches it");
    if (!*gate || strlen(gate) > 64 || *gate == '.' ||
        strspn(gate, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS ".-_") != strlen(gate))
        return yd_error_invalid(error, option,
                                "“%.80s” is no name for a gate: letters, digits, . - _", gate);
    if (strcmp(gate, config->gate_name) == 0)
        return yd_error_invalid(error, option, "“%s” is the name of the gate beside deskd", gate);
    return TRUE;
}

static gboolean
write_text(const char *folder, const char *name, const char *text, int mode, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (!g_file_set_contents(path, text, -1, error))
        return FALSE;
    if (g_chmod(path, mode) == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "cannot change the mode of \"%s\": %s", path,
                g_strerror(errno));
    return FALSE;
}

// Certificates and configuration of a gate into the folder.
static gboolean
make_gate(const DeskdConfig *config, const DeskdAdd *add, const char *gate,
          const char *const *names, const char *folder, GError **error)
{
    g_autofree char *text =
        g_strdup_printf("# Gate %s. It lies in /etc/yundesk of its machine; deskgate has to be "
                        "able to read it, and\n"
                        "# nobody else.\n[deskgate]\nname=%s\nlisten=0.0.0.0:443\nmanager=%s@%s\n"
                        "certificate=/etc/yundesk/gate.pem\nkey=/etc/yundesk/gate.key\n"
                        "link_certificate=/etc/yundesk/link.pem\nlink_key=/etc/yundesk/link.key\n"
                        "ca=/etc/yundesk/ca.pem\n",
                        gate, gate, config->gate_name, add->manager);
    return yd_ca_issue_gate(config->keys_dir, gate, names, folder, error) &&
           write_text(folder, "yundesk.conf", text, 0640, error);
}

gboolean
deskd_add_gate(const DeskdConfig *config, const DeskdAdd *add, GError **error)
{
    if (!check(config, "add-gate", add, add->name, error) ||
        !make_gate(config, add, add->name, add->names, add->out, error))
        return FALSE;
    printf("%s: gate.pem, gate.key, link.pem, link.key, ca.pem and yundesk.conf for gate %s\n",
           add->out, add->name);
    return TRUE;
}

// Tells the shared folder from any other that may be mounted in its place.
static gboolean
ensure_mark(const char *images, char **ret_mark, GError **error)
{
    g_autofree char *path = g_build_filename(images, ".cluster", NULL);
    if (g_file_get_contents(path, ret_mark, NULL, NULL)) {
        g_strstrip(*ret_mark);
        return TRUE;
    }
    *ret_mark = yd_id_new("cl");
    return write_text(images, ".cluster", *ret_mark, 0644, error);
}

static gboolean
is_address(const char *text)
{
    unsigned char bytes[16];
    return text && (inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1);
}

static char *
uri_of(const DeskdConfig *config, const DeskdAdd *add)
{
    gboolean v6 = strchr(add->address, ':') != NULL;
    return g_strdup_printf("qemu+tls://%s%s%s/system?pkipath=%s/hosts", v6 ? "[" : "", add->address,
                           v6 ? "]" : "", config->keys_dir);
}

static gboolean
make_host(const DeskdConfig *config, const DeskdAdd *add, const char *gate, const char *uri,
          GError **error)
{
    g_autofree char *pki = g_build_filename(add->out, "pki", NULL);
    g_autofree char *folder = g_build_filename(add->out, "gate", NULL);
    g_autofree char *images = g_build_filename(config->service.state_dir, "images", NULL);
    g_autofree char *mark = NULL;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_ptr_array_add(names, (gpointer)add->address);
    for (gsize i = 0; add->names && add->names[i]; i++)
        g_ptr_array_add(names, (gpointer)add->names[i]);
    g_ptr_array_add(names, NULL);
    if (!yd_ca_issue_host(config->keys_dir, add->name, add->address, pki, error) ||
        !make_gate(config, add, gate, (const char *const *)names->pdata, folder, error) ||
        !ensure_mark(images, &mark, error))
        return FALSE;
    g_autofree char *quoted_uri = g_shell_quote(uri);
    g_autofree char *quoted_images = g_shell_quote(images);
    g_autofree char *env =
        g_strdup_printf("NAME=%s\nADDRESS=%s\nMANAGER=%s\nIMAGES=%s\nCLUSTER=%s\nURI=%s\n",
                        add->name, add->address, add->manager, quoted_images, mark, quoted_uri);
    return write_text(add->out, "host.env", env, 0600, error) &&
           write_text(add->out, "join", deskd_join_script, 0700, error);
}

gboolean
deskd_add_host(const DeskdConfig *config, const DeskdAdd *add, GError **error)
{
    g_autofree char *gate = g_strconcat("gate-", add->name, NULL);
    if (!check(config, "add-host", add, gate, error))
        return FALSE;
    if (!is_address(add->address))
        return yd_error_invalid(error, "add-host",
                                "give --address ADDRESS of the host, an IPv4 or IPv6 address");
    if (strspn(add->manager, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS ".-:[]") !=
        strlen(add->manager))
        return yd_error_invalid(error, "add-host", "“%.80s” is not ADDRESS:PORT", add->manager);
    g_autofree char *uri = uri_of(config, add);
    if (!make_host(config, add, gate, uri, error))
        return FALSE;
    printf("%s: certificates, configuration and the script \"join\" for host %s.\n"
           "1. Copy the folder there, and run ./join in it as root.\n"
           "2. Here, in [deskd] of the configuration: host_gates=…,%s=%s@%s:443, and restart "
           "deskd.\n"
           "3. deskctl host add %s --uri '%s'\n"
           "Whoever has the folder can pass for that host: remove it when it has joined.\n",
           add->out, add->name, add->name, gate, add->address, add->name, uri);
    return TRUE;
}
