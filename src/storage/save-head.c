// SPDX-License-Identifier: Apache-2.0
// The head of libvirt's saved machines: who the machine is. The stream behind it is ram-stream.c's.
#include "storage/ram-stream.h"

#include <errno.h>
#include <string.h>

#define MAGIC "LibvirtQemudSave"
#define PARTIAL "LibvirtQemudPart"
#define MAGIC_BYTES 16
#define VERSION 2

// struct _virQEMUSaveHeader after its magic; the host's byte order.
struct fields {
    guint32 version, text_bytes, was_running, compressed, cookie_offset, unused[14];
};
G_STATIC_ASSERT(MAGIC_BYTES + sizeof(struct fields) == YD_SAVE_HEADER_BYTES);

static gboolean
refuse(GError **error, const char *what)
{
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "this is no saved machine that can be used: %s",
                what);
    return FALSE;
}

static gboolean
check_fields(const struct fields *fields, GError **error)
{
    if (fields->version != VERSION)
        return refuse(error, "libvirt wrote another version of its header than 2");
    if (fields->compressed != 0)
        return refuse(error, "it is compressed (save_image_format of libvirt's qemu.conf)");
    if (fields->text_bytes == 0 || fields->text_bytes > YD_SAVE_MAX_TEXT)
        return refuse(error, "its description has an odd length");
    if (fields->cookie_offset >= fields->text_bytes)
        return refuse(error, "its cookie lies outside");
    return TRUE;
}

gboolean
yd_save_head_read(FILE *in, YdSaveHead *ret_head, GError **error)
{
    char magic[MAGIC_BYTES];
    struct fields fields;
    if (fread(magic, 1, sizeof magic, in) != sizeof magic ||
        fread(&fields, 1, sizeof fields, in) != sizeof fields)
        return refuse(error, "it is cut off");
    if (memcmp(magic, PARTIAL, MAGIC_BYTES) == 0)
        return refuse(error, "libvirt did not finish it");
    if (memcmp(magic, MAGIC, MAGIC_BYTES) != 0)
        return refuse(error, "libvirt did not write it");
    if (!check_fields(&fields, error))
        return FALSE;
    g_autofree char *text = g_malloc0((gsize)fields.text_bytes + 1);
    if (fread(text, 1, fields.text_bytes, in) != fields.text_bytes)
        return refuse(error, "it is cut off");
    gsize xml_bytes = fields.cookie_offset ? fields.cookie_offset : fields.text_bytes;
    if (!memchr(text, '\0', xml_bytes) && fields.cookie_offset)
        return refuse(error, "its description has no end");
    ret_head->xml = g_strdup(text);
    ret_head->cookie = fields.cookie_offset ? g_strdup(text + fields.cookie_offset) : NULL;
    return TRUE;
}

gboolean
yd_save_head_write(FILE *out, const char *xml, const char *cookie, GError **error)
{
    gsize xml_bytes = strlen(xml) + 1, cookie_bytes = cookie ? strlen(cookie) + 1 : 0;
    if (xml_bytes + cookie_bytes > YD_SAVE_MAX_TEXT)
        return refuse(error, "its description is too long");
    const struct fields fields = {.version = VERSION,
                                  .text_bytes = (guint32)(xml_bytes + cookie_bytes),
                                  .was_running = 1,
                                  .cookie_offset = cookie ? (guint32)xml_bytes : 0};
    if (fwrite(MAGIC, 1, MAGIC_BYTES, out) == MAGIC_BYTES &&
        fwrite(&fields, 1, sizeof fields, out) == sizeof fields &&
        fwrite(xml, 1, xml_bytes, out) == xml_bytes &&
        (!cookie || fwrite(cookie, 1, cookie_bytes, out) == cookie_bytes))
        return TRUE;
    g_set_error(error, YD_ERROR, errno == ENOSPC ? YD_ERROR_NO_SPACE : YD_ERROR_INTERNAL,
                "cannot write a saved machine: %s", g_strerror(errno));
    return FALSE;
}

void
yd_save_head_clear(YdSaveHead *head)
{
    g_clear_pointer(&head->xml, g_free);
    g_clear_pointer(&head->cookie, g_free);
}
