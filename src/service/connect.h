// SPDX-License-Identifier: Apache-2.0
// One person opens one of their desktops: rights, entitlement, start if needed, one-time password,
// ticket, and the file for their client.
//
// yd_connect() blocks on the guest's agent (up to 5 s a call): run it on threads of its own (64),
// so that hung guests hold up nothing else. What it needs of the store are two short transactions.
#pragma once

#include "service/service.h"

typedef struct {
    const char *desktop_id; // one of both
    const char *pool_id;    // the actor's own desktop of that pool, derived if there is none
    const char *protocol;   // "rdp" | "rdp-web" | "spice" | "console"; NULL: the template's
    const char *address;    // of the client, as the ticket is bound to; NULL: actor->address
    const char *host;       // by which the client came (Host header without port); NULL: none
    guint16 port;           // likewise; 0: config.public_port
} YdConnectRequest;

typedef struct {
    char *desktop_id;
    YdJob *job;     // preparing: the job to wait for; then ask again. All below is unset.
    char *id;       // con-…
    char *protocol; // "rdp" | "rdp-web" | "spice" | "console"
    char *host;     // of the gate; RDP: the desktop's own name for it, where there is one
    guint16 port;
    char *ticket;   // 43 characters, url-safe; shown once, kept only as a hash
    char *username; // RDP: the account in the guest
    char *password; // RDP: one-time; SPICE: the display's, expiring; NULL for rdp-web
    gint64 expires; // ms: first use before
    gint64 idle_seconds, idle_notice_seconds; // of the pool's policy, for the viewer in the browser
    gboolean clipboard;                       // likewise
    char *file_name, *file_type, *file_content; // .rdp / .vv; NULL in the browser
} YdConnectAnswer;

void yd_connect_answer_free(YdConnectAnswer *answer); // wipes the secrets
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdConnectAnswer, yd_connect_answer_free)

// Rights: CONNECT (own desktops only, whatever the role) or, for "console", CONSOLE. Errors:
// NOT_FOUND, NOT_ENTITLED (also after revocation), UNAUTHENTICATED (log-in ended meanwhile), STATE
// (desktop failed, is being deleted, or has no such way in), NO_ROOM, LIMIT, TIMEOUT (the guest's
// agent does not answer: message says so), UNAVAILABLE.
YdConnectAnswer *yd_connect(YdService *service, const YdActor *actor,
                            const YdConnectRequest *request, GError **error);

// While a desktop is held nobody can connect to it or let it sleep: a connect holds it for as long
// as it asks the guest. Waits up to 5 s, then TIMEOUT. Within this process.
gboolean yd_connect_hold(YdService *service, const char *desktop_id, GError **error);
void yd_connect_let_go(YdService *service, const char *desktop_id);

// Opens the sealed password of a desktop's account, for the gate that logs its person in (rdp-web);
// owned, to be wiped. STATE when there is none.
gboolean
yd_connect_unseal(YdService *service, const char *sealed, char **ret_password, GError **error);
