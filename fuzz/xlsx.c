// SPDX-License-Identifier: Apache-2.0
// The reader of .xlsx files: any bytes end in CSV of valid UTF-8, or in an error. What does not
// begin as a ZIP file is taken as the XML of a sheet, so that the fuzzer reaches the cells without
// packing.
#include <string.h>

#include "deskctl/xlsx-private.h"
#include "deskctl/xlsx.h"
#include "deskctl/zip-part.h"
#include "fuzz.h"

static char *
read_sheet(GBytes *bytes, GError **error)
{
    static const char strings[] = "shared\0007";
    const gsize starts[] = {0, 7};
    const CtlFormat formats[] = {
        {CTL_FORMAT_NUMBER, 0}, {CTL_FORMAT_DATE, 0}, {CTL_FORMAT_ZEROS, 5}};
    CtlWorkbook book = {
        .text = g_string_new_len(strings, sizeof strings),
        .strings = g_array_new(FALSE, FALSE, sizeof(gsize)),
        .formats = g_array_new(FALSE, FALSE, sizeof(CtlFormat)),
    };
    char *csv;

    g_array_append_vals(book.strings, starts, G_N_ELEMENTS(starts));
    g_array_append_vals(book.formats, formats, G_N_ELEMENTS(formats));
    csv = ctl_xlsx_sheet_csv(bytes, &book, error);
    g_string_free(book.text, TRUE);
    g_array_unref(book.strings);
    g_array_unref(book.formats);
    return csv;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GBytes) bytes = g_bytes_new(data, size);
    g_autoptr(GError) error = NULL;
    g_autofree char *csv =
        ctl_is_zip(bytes) ? ctl_xlsx_to_csv(bytes, NULL, &error) : read_sheet(bytes, &error);

    g_assert_true((csv != NULL) == (error == NULL));
    if (csv) {
        g_assert_true(g_utf8_validate(csv, -1, NULL));
        g_assert_cmpuint(strlen(csv), <=, 3 * CTL_XLSX_MAX_CSV);
    }
    return 0;
}
