// SPDX-License-Identifier: Apache-2.0
// Decides on certificates. With a pinned fingerprint the database is an empty one, so that every
// certificate comes to yd_trust_judge(), also those that the system would trust.
#include "rest/trust.h"

#include "base/error.h"

// A database that knows nobody.
G_DECLARE_FINAL_TYPE(YdNobody, yd_nobody, YD, NOBODY, GTlsDatabase)
struct _YdNobody {
    GTlsDatabase parent;
};
G_DEFINE_FINAL_TYPE(YdNobody, yd_nobody, G_TYPE_TLS_DATABASE)

static GTlsCertificateFlags
verify_nobody(GTlsDatabase *self, GTlsCertificate *chain, const char *purpose,
              GSocketConnectable *identity, GTlsInteraction *interaction,
              GTlsDatabaseVerifyFlags flags, GCancellable *cancellable, GError **error)
{
    return G_TLS_CERTIFICATE_UNKNOWN_CA;
}

static void
yd_nobody_class_init(YdNobodyClass *class)
{
    G_TLS_DATABASE_CLASS(class)->verify_chain = verify_nobody;
}

static void
yd_nobody_init(YdNobody *self)
{
}

struct _YdTrust {
    GTlsDatabase *database;
    char *fingerprint; // pinned
    char *refused, *why;
};

YdTrust *
yd_trust_new(void)
{
    return g_new0(YdTrust, 1);
}

YdTrust *
yd_trust_copy(const YdTrust *trust)
{
    YdTrust *copy = yd_trust_new();
    copy->database = trust->database ? g_object_ref(trust->database) : NULL;
    copy->fingerprint = g_strdup(trust->fingerprint);
    return copy;
}

void
yd_trust_free(YdTrust *trust)
{
    if (!trust)
        return;
    g_clear_object(&trust->database);
    g_free(trust->fingerprint);
    g_free(trust->refused);
    g_free(trust->why);
    g_free(trust);
}

gboolean
yd_trust_set_ca(YdTrust *trust, const char *file, GError **error)
{
    g_autofree char *path = g_canonicalize_filename(file, NULL); // the database wants it absolute
    g_autoptr(GError) why = NULL;
    g_autolist(GTlsCertificate) certificates = g_tls_certificate_list_new_from_file(path, &why);
    if (!certificates)
        return yd_error_invalid(error, "ca", "'%s' holds no certificate: %s", file,
                                why ? why->message : "no BEGIN CERTIFICATE line in it");
    GTlsDatabase *database = g_tls_file_database_new(path, &why);
    if (!database)
        return yd_error_invalid(error, "ca", "'%s' can't be used: %s", file, why->message);
    g_clear_object(&trust->database);
    trust->database = database;
    g_clear_pointer(&trust->fingerprint, g_free);
    return TRUE;
}

gboolean
yd_trust_set_fingerprint(YdTrust *trust, const char *hex, GError **error)
{
    g_autoptr(GString) clean = g_string_new(NULL);
    for (const char *c = hex; *c; c++) {
        if (g_ascii_isxdigit(*c))
            g_string_append_c(clean, g_ascii_tolower(*c));
        else if (*c != ':')
            return yd_error_invalid(error, "fingerprint", "'%s' has a character that is not hex",
                                    hex);
    }
    if (clean->len != 64)
        return yd_error_invalid(error, "fingerprint",
                                "'%s' is not a SHA-256 fingerprint (64 hex digits)", hex);
    g_clear_object(&trust->database);
    trust->database = g_object_new(yd_nobody_get_type(), NULL);
    g_free(trust->fingerprint);
    trust->fingerprint = g_strdup(clean->str);
    return TRUE;
}

GTlsDatabase *
yd_trust_database(const YdTrust *trust)
{
    return trust->database;
}

char *
yd_trust_fingerprint(GTlsCertificate *certificate)
{
    g_autoptr(GByteArray) der = NULL;
    g_object_get(certificate, "certificate", &der, NULL);
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, der->data, der->len);
}

static const char *
explain(GTlsCertificateFlags flags)
{
    if (flags & G_TLS_CERTIFICATE_REVOKED)
        return "it was revoked";
    if (flags & G_TLS_CERTIFICATE_EXPIRED)
        return "it has expired";
    if (flags & G_TLS_CERTIFICATE_NOT_ACTIVATED)
        return "it is not valid yet (is the clock of this computer right?)";
    if (flags & G_TLS_CERTIFICATE_UNKNOWN_CA)
        return "nobody whom this computer trusts has signed it";
    if (flags & G_TLS_CERTIFICATE_BAD_IDENTITY)
        return "it is for another name than the one you gave";
    return "it is not good";
}

gboolean
yd_trust_judge(YdTrust *trust, GTlsCertificate *certificate, GTlsCertificateFlags flags)
{
    g_autofree char *seen = yd_trust_fingerprint(certificate);
    if (trust->fingerprint && g_str_equal(seen, trust->fingerprint))
        return TRUE;
    yd_trust_forget(trust);
    trust->refused = g_steal_pointer(&seen);
    trust->why =
        g_strdup(trust->fingerprint ? "it is not the one that was pinned" : explain(flags));
    return FALSE;
}

const char *
yd_trust_refused(const YdTrust *trust, const char **ret_why)
{
    if (trust->refused && ret_why)
        *ret_why = trust->why;
    return trust->refused;
}

void
yd_trust_forget(YdTrust *trust)
{
    g_clear_pointer(&trust->refused, g_free);
    g_clear_pointer(&trust->why, g_free);
}
