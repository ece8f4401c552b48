// SPDX-License-Identifier: Apache-2.0
// The console's files, read once at start: the folder that web/ is built to. Hashed assets may be
// kept by browsers for ever; the page itself is asked for again each time. Loop thread only.
#pragma once

#include <libsoup/soup.h>

#include "base/error.h"

typedef struct _YdWeb YdWeb;

// Reads all files below folder (at most 64 MiB in all); an index.html must be there. x.gz and x.br
// beside a file x are its compressed forms.
YdWeb *yd_web_new(const char *folder, GError **error);
void yd_web_free(YdWeb *web);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdWeb, yd_web_free)

// Whether a path belongs to the console and not to the API.
gboolean yd_web_serves(const char *path);

// Answers GET and HEAD of such a path: with the file; with the page itself for paths that only the
// page knows (no dot in their last part); 404 for the rest. Sets status, headers and body.
void yd_web_answer(const YdWeb *web, SoupServerMessage *msg, const char *path);
