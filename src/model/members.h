// SPDX-License-Identifier: Apache-2.0
// Structs that stand in the store as JSON (a pool's policies): tables of their plain members. Pure.
#pragma once

#include <glib.h>
#include <jansson.h>

typedef struct {
    const char *name;
    gsize offset;    // of a gboolean, or of a gint64
    gboolean number; // else a switch
    gint64 min, max; // of a number
} YdMember;

#define YD_SWITCH(Type, member)                                                                    \
    {                                                                                              \
#member, G_STRUCT_OFFSET(Type, member), FALSE, 0, 0                                        \
    }
#define YD_NUMBER(Type, member, min, max)                                                          \
    {                                                                                              \
#member, G_STRUCT_OFFSET(Type, member), TRUE, min, max                                     \
    }

// Reads that member of object into the struct, when it is in the table (*ret_known). Absent or
// null: left as it is. Errors: INVALID "name: …".
gboolean yd_member_read(const YdMember *table, gsize n, gpointer ret_struct, const json_t *object,
                        const char *name, gboolean *ret_known, GError **error);

// Sets all of the table in object.
void yd_members_write(const YdMember *table, gsize n, gconstpointer of, json_t *object);

// Reads one member of an object; *ret_known FALSE: there is no such member.
typedef gboolean (*YdMemberReader)(gpointer ret_struct, const json_t *object, const char *name,
                                   gboolean *ret_known, GError **error);

// Has each member of the JSON text (NULL or "": none) read. Errors: INVALID "what.name: …", or
// "what: …" when it is no object or has a member that is not known.
gboolean yd_members_parse(const char *json, const char *what, YdMemberReader read,
                          gpointer ret_struct, GError **error);
