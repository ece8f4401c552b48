// SPDX-License-Identifier: Apache-2.0
// The query of a list: ?limit=&cursor=&sort=&search=&total=true and a filter for each field that
// has YD_FIELD_FILTER: field=a,b (any of), for numbers and times also field_from= (at least) and
// field_to= (less than).
#pragma once

#include "api/request.h"

#define YD_LIST_LIMIT 100 // without ?limit=
#define YD_LIST_MAX 1000
#define YD_LIST_MAX_VALUES 100 // of one filter

// Owns what its query borrows.
typedef struct {
    YdQuery query;
    GArray *conditions; // YdCondition
    GPtrArray *values;  // the vectors of the conditions
} YdListQuery;

// From the request's query string; INVALID names an unknown or bad parameter.
YdListQuery *yd_list_query_new(YdRequest *request, const YdRecordType *type, GError **error);
void yd_list_query_free(YdListQuery *list);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdListQuery, yd_list_query_free)

// One more condition column = value.
void yd_list_query_add(YdListQuery *list, const char *column, const char *op, const char *value);

// Answers {"items":[…],"next":…,"total":…}.
void yd_answer_page(YdRequest *request, const YdRecordType *type, const YdPage *page);
// {"items":[…]} of an array of records.
void yd_answer_records(YdRequest *request, const YdRecordType *type, const GPtrArray *records);
