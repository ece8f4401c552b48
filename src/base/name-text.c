// SPDX-License-Identifier: Apache-2.0
#include "base/name-text.h"

#include <string.h>

#include "base/error.h"

char *
yd_name_text(const char *name, gsize length)
{
    GString *text = g_string_new(NULL);
    const char *end = name + length;
    while (name < end) {
        gunichar c = g_utf8_get_char_validated(name, end - name);
        guint8 byte = (guint8)*name;
        gboolean good = c != (gunichar)-1 && c != (gunichar)-2 && byte != '/' && byte != 0 &&
                        !g_unichar_iscntrl(c);
        if (byte == '\\') {
            g_string_append(text, "\\\\");
            name++;
        } else if (good) {
            const char *next = g_utf8_next_char(name);
            g_string_append_len(text, name, next - name);
            name = next;
        } else {
            g_string_append_printf(text, "\\x%02x", byte);
            name++;
        }
    }
    return g_string_free(text, FALSE);
}

char *
yd_path_text(const char *path, gsize length)
{
    GString *text = g_string_new(NULL);
    const char *end = path + length;
    while (path < end) {
        const char *slash = memchr(path, '/', (gsize)(end - path));
        g_autofree char *part = yd_name_text(path, (gsize)((slash ? slash : end) - path));
        g_string_append(text, part);
        if (slash)
            g_string_append_c(text, '/');
        path = slash ? slash + 1 : end;
    }
    return g_string_free(text, FALSE);
}

// One part of a path; FALSE when an escape is none.
static gboolean
unescape(const char *text, gsize length, GByteArray *into)
{
    for (gsize i = 0; i < length; i++) {
        guint8 byte = (guint8)text[i];
        if (byte == '\\' && i + 1 < length && text[i + 1] == '\\') {
            i++;
        } else if (byte == '\\') {
            if (i + 3 >= length || text[i + 1] != 'x' || !g_ascii_isxdigit(text[i + 2]) ||
                !g_ascii_isxdigit(text[i + 3]))
                return FALSE;
            byte = (guint8)(g_ascii_xdigit_value(text[i + 2]) << 4 |
                            g_ascii_xdigit_value(text[i + 3]));
            i += 3;
        }
        g_byte_array_append(into, &byte, 1);
    }
    return TRUE;
}

static gboolean
is_dots(const GByteArray *name)
{
    return (name->len == 1 && name->data[0] == '.') ||
           (name->len == 2 && name->data[0] == '.' && name->data[1] == '.');
}

static gboolean
take(const char *part, gsize length, GPtrArray *names, GError **error)
{
    g_autoptr(GByteArray) name = g_byte_array_new();
    if (!unescape(part, length, name))
        return yd_error_invalid(error, "path",
                                "a backslash must be written \"\\\\\", a byte \"\\xNN\"");
    if (is_dots(name))
        return yd_error_invalid(error, "path", "must not have the parts \".\" or \"..\"");
    if (memchr(name->data, 0, name->len) || memchr(name->data, '/', name->len))
        return yd_error_invalid(error, "path", "no file's name has NUL or \"/\" in it");
    if (name->len > 255)
        return yd_error_invalid(error, "path", "a name is longer than 255 bytes");
    if (names->len >= YD_PATH_PARTS)
        return yd_error_invalid(error, "path", "has more than %d parts", YD_PATH_PARTS);
    g_ptr_array_add(names, g_byte_array_free_to_bytes(g_steal_pointer(&name)));
    return TRUE;
}

GPtrArray *
yd_path_names(const char *path, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    if (*path != '/' || strlen(path) > YD_PATH_LENGTH) {
        yd_error_invalid(error, "path", "must begin with \"/\" and have at most %d bytes",
                         YD_PATH_LENGTH);
        return NULL;
    }
    while (*path) {
        path += strspn(path, "/");
        gsize length = strcspn(path, "/");
        if (length > 0 && !take(path, length, names, error))
            return NULL;
        path += length;
    }
    return g_steal_pointer(&names);
}
