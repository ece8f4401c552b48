// SPDX-License-Identifier: Apache-2.0
// The journal of ext3 and ext4 (Linux, Documentation/filesystems/ext4/journal.rst), replayed in
// memory only: which of its blocks stand for which blocks of the file system. A restore point of a
// running guest whose file systems did not stand still is read right only with it.
#pragma once

#include "deskread/blocks.h"

typedef struct {
    guint32 block;    // of the journal
    gboolean escaped; // its first four bytes are the journal's magic number, written as zeros
} YdJournalCopy;

// One block of the journal, by its number in the journal.
typedef gboolean (*YdJournalRead)(gpointer data, guint32 block, void *buffer, GError **error);

// Map: block of the file system (owned guint64 *) → owned YdJournalCopy. Empty when there is
// nothing to replay. blocks: what the journal's file has. INVALID when its head is damaged; what
// stands behind the last whole transaction is left out.
GHashTable *yd_journal_replay(YdJournalRead read, gpointer data, guint32 block_size, guint32 blocks,
                              GError **error);
