// SPDX-License-Identifier: Apache-2.0
// Which server certificates a client accepts: those of the system's CAs (the default), those of
// one CA file, or exactly one certificate by its fingerprint. A part of rest.c.
#pragma once

#include <gio/gio.h>

typedef struct _YdTrust YdTrust;

YdTrust *yd_trust_new(void);
YdTrust *yd_trust_copy(const YdTrust *trust);
void yd_trust_free(YdTrust *trust);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdTrust, yd_trust_free)

gboolean yd_trust_set_ca(YdTrust *trust, const char *file, GError **error);
gboolean yd_trust_set_fingerprint(YdTrust *trust, const char *hex, GError **error);

// For soup_session_set_tls_database(); NULL: the system's. Borrowed.
GTlsDatabase *yd_trust_database(const YdTrust *trust);

// The verdict on a certificate that the database did not accept because of `flags`; remembers why
// when it is no.
gboolean yd_trust_judge(YdTrust *trust, GTlsCertificate *certificate, GTlsCertificateFlags flags);

// What yd_trust_judge() refused since the last yd_trust_forget(); NULL nothing. Borrowed.
const char *yd_trust_refused(const YdTrust *trust, const char **ret_why);
void yd_trust_forget(YdTrust *trust);

// SHA-256 of the certificate's DER, lower-case hex; owned.
char *yd_trust_fingerprint(GTlsCertificate *certificate);
