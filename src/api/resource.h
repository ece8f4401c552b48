// SPDX-License-Identifier: Apache-2.0
// What all nouns have in common: answers made of one record or one job, and the table of the verbs
// by which records are created, changed and deleted.
#pragma once

#include "api/request.h"

// Create, change and delete of one noun; NULL members: the noun has a handler of its own.
typedef struct {
    const YdRecordType *type;
    YdRight read; // for the answer
    gboolean (*create)(YdService *service, const YdActor *actor, gpointer record, GError **error);
    gboolean (*update)(YdService *service, const YdActor *actor, gpointer record, gint64 version,
                       GError **error);
    gboolean (*remove)(YdService *service, const YdActor *actor, const char *id, gint64 version,
                       GError **error);
} YdResource;

// The resource of a type; every type that the routes create, change or delete has one.
const YdResource *yd_resource(const YdRecordType *type);

// Answers with the record (ETag, Location for 201).
void
yd_answer_record(YdRequest *request, guint status, const YdRecordType *type, gconstpointer record);
// Reads it again (its view may have changed) and answers.
gboolean yd_answer_fresh(YdRequest *request, guint status, const YdResource *resource,
                         const char *id, GError **error);
// 202 with the job as body. job is freed; NULL: FALSE (the error is set already).
gboolean yd_answer_job(YdRequest *request, YdJob *job);
// 204.
gboolean yd_answer_nothing(YdRequest *request);

// An empty record with what holds unless the client says otherwise: enabled.
gpointer yd_resource_new(const YdRecordType *type);

// The record of the path with the fields of the body applied, for changing; NULL with error.
gpointer yd_resource_changed(YdRequest *request, const YdRecordType *type, GError **error);
