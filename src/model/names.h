// SPDX-License-Identifier: Apache-2.0
// What texts and names that people give may look like. Pure.
#pragma once

#include <glib.h>

#define YD_TEXT_MAX 200       // characters of a name
#define YD_TEXT_LONG_MAX 4000 // characters of a description
#define YD_USERNAME_MAX 32

// A log-in name that is fit for a Linux account in the guests: a-z, 0-9, ".", "_", "-", begins with
// a letter, 1..32 characters, none of the accounts that systems have. INVALID "username: …".
gboolean yd_username_check(const char *username, GError **error);

// Trims the text and checks it: UTF-8, at most max characters, no control, formatting (bidi
// overrides) or separator characters; newlines and tabs only when long_text. "" becomes NULL in
// *ret_text (owned). INVALID names the field.
gboolean yd_text_check(const char *field, const char *text, guint max, gboolean long_text,
                       char **ret_text, GError **error);

// INVALID when value is not one of the NULL-terminated choices.
gboolean
yd_choice_check(const char *field, const char *value, const char *const *choices, GError **error);

// Something with one "@", a domain with a dot, no spaces; NULL is good. INVALID names the field.
gboolean yd_email_check(const char *field, const char *email, GError **error);

// A domain of the DNS below which desktops are named: labels of a-z, 0-9 and "-", 1 to 200
// characters, no address, no "*.", and in which none of the taken names is (NULL-terminated; NULL:
// none). A taken name is one that gates have. INVALID names the field.
gboolean
yd_domain_check(const char *field, const char *domain, const char *const *taken, GError **error);

// A host name (RFC 1123 label, 1..63 characters) made out of any name; fallback when nothing of it
// remains; owned.
char *yd_hostname_from(const char *name, const char *fallback);
