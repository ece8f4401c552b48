// SPDX-License-Identifier: Apache-2.0
// The text of an .rdp file and its signature, as mstsc and FreeRDP read it (learn.microsoft.com,
// "Supported RDP properties"; the signature as rdpsign.exe makes it). No I/O but the key files.
#pragma once

#include <glib.h>
#include "model/policy.h"

typedef struct {
    const char *host;
    guint16 port;
    const char *ticket, *username;
    const char *name; // of the desktop, for people
    const YdPolicy *policy;
} YdRdpFile;

// Lines end in CRLF; owned.
char *yd_rdp_file(const YdRdpFile *file);

// The key and certificate that .rdp files are signed with (rdp-sign.pem/.key in keys_dir), read
// once; any thread may sign. NOT_FOUND when they are not there.
typedef struct _YdRdpSigner YdRdpSigner;
YdRdpSigner *yd_rdp_signer_new(const char *keys_dir, GError **error);
void yd_rdp_signer_free(YdRdpSigner *signer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdRdpSigner, yd_rdp_signer_free)

// The text with signscope and signature: a detached CMS (RFC 5652) over the canonical lines in
// UTF-16LE; owned.
char *yd_rdp_file_sign(const YdRdpSigner *signer, const char *text, GError **error);
