// SPDX-License-Identifier: Apache-2.0
// The machine's screen: pictures, where SPICE listens, its password.
#include "hypervisor/libvirt-private.h"
#include "hypervisor/picture.h"
#include "hypervisor/xml.h"

#include <stdlib.h>
#include <string.h>

#define PICTURE_MAX (256u * 1024 * 1024)

static int
collect(virStream *stream, const char *bytes, size_t length, void *data)
{
    GByteArray *picture = data;
    if (picture->len + length > PICTURE_MAX)
        return -1;
    g_byte_array_append(picture, (const guint8 *)bytes, (guint)length);
    return (int)length;
}

static GByteArray *
read_picture(virDomain *domain, const char *uuid, GError **error)
{
    virStream *stream = virStreamNew(virDomainGetConnect(domain), 0);
    GByteArray *picture = g_byte_array_new();
    char *mime = stream ? virDomainScreenshot(domain, stream, 0, 0) : NULL;
    gboolean ok = mime && virStreamRecvAll(stream, collect, picture) == 0;
    if (ok)
        virStreamFinish(stream);
    else
        yd_libvirt_fail(error, "cannot take a picture of machine '%s'", uuid);
    if (stream)
        virStreamFree(stream);
    free(mime);
    if (ok)
        return picture;
    g_byte_array_unref(picture);
    return NULL;
}

GBytes *
yd_libvirt_screenshot(YdHypervisor *hv, const char *uuid, GError **error)
{
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    g_autoptr(GByteArray) picture = domain ? read_picture(domain, uuid, error) : NULL;
    if (!picture)
        return NULL;
    if (picture->len > 8 && memcmp(picture->data, "\x89PNG\r\n\x1a\n", 8) == 0)
        return g_byte_array_free_to_bytes(g_steal_pointer(&picture));
    return yd_picture_from_ppm(picture->data, picture->len, error);
}

static xmlNode *
spice_node(xmlDoc *doc)
{
    xmlNode *devices = yd_xml_child(doc ? xmlDocGetRootElement(doc) : NULL, "devices");
    for (xmlNode *node = devices ? devices->children : NULL; node; node = node->next) {
        g_autofree char *type = yd_xml_get(node, "type");
        if (xmlStrEqual(node->name, (const xmlChar *)"graphics") && !g_strcmp0(type, "spice"))
            return node;
    }
    return NULL;
}

// The live definition; STATE when it does not run or has no SPICE. Free with xmlFreeDoc.
static xmlDoc *
live_spice(virDomain *domain, const char *uuid, xmlNode **ret_node, GError **error)
{
    char *xml = virDomainGetXMLDesc(domain, 0);
    if (!xml) {
        yd_libvirt_fail(error, "cannot read the definition of machine '%s'", uuid);
        return NULL;
    }
    xmlDoc *doc = yd_xml_parse(xml);
    xmlNode *node = spice_node(doc);
    free(xml);
    if (node && virDomainIsActive(domain) == 1) {
        *ret_node = node;
        return doc;
    }
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "machine '%s' %s", uuid,
                node ? "does not run" : "has no SPICE");
    xmlFreeDoc(doc);
    return NULL;
}

gboolean
yd_libvirt_spice(YdHypervisor *hv, const char *uuid, guint16 *ret_port, GError **error)
{
    xmlNode *node = NULL;
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    xmlDoc *doc = domain ? live_spice(domain, uuid, &node, error) : NULL;
    if (!doc)
        return FALSE;
    g_autofree char *text = yd_xml_get(node, "port");
    int port = text ? atoi(text) : 0;
    xmlFreeDoc(doc);
    if (port <= 0 || port > G_MAXUINT16) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "machine '%s' has no SPICE port yet", uuid);
        return FALSE;
    }
    *ret_port = (guint16)port;
    return TRUE;
}

gboolean
yd_libvirt_set_spice_password(YdHypervisor *hv, const char *uuid, const char *password,
                              gint64 valid_until, GError **error)
{
    xmlNode *node = NULL;
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    xmlDoc *doc = domain ? live_spice(domain, uuid, &node, error) : NULL;
    if (!doc)
        return FALSE;
    g_autoptr(GDateTime) until = g_date_time_new_from_unix_utc(valid_until);
    g_autofree char *time = until ? g_date_time_format(until, "%Y-%m-%dT%H:%M:%S") : NULL;
    yd_xml_set(node, "passwd", password);
    if (time)
        yd_xml_set(node, "passwdValidTo", time);
    char *text = yd_xml_node_text(doc, node);
    int result = virDomainUpdateDeviceFlags(domain, text, VIR_DOMAIN_AFFECT_LIVE);
    memset(text, 0, strlen(text));
    g_free(text);
    xmlFreeDoc(doc);
    return result == 0 ||
           yd_libvirt_fail(error, "cannot set the SPICE password of machine '%s'", uuid);
}
