#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes the steps of the schema (sql/NNNN-what.sql, given as arguments) as one C table.
import os
import sys


def literal(line):
    return '        "' + line.replace('\\', '\\\\').replace('"', '\\"') + '\\n"\n'


out = ['#include "store/migrate.h"\n\nconst YdMigration yd_migrations[] = {\n']
for number, path in enumerate(sys.argv[2:], 1):
    name = os.path.basename(path)[:-len('.sql')]
    if int(name[:4]) != number:
        sys.exit(f'{path}: step {number} is expected here; steps have no gaps')
    with open(path, encoding='utf-8') as file:
        text = ''.join(literal(line.rstrip('\n')) for line in file)
    out.append(f'    {{{number}, "{name}",\n{text}    }},\n')
out.append('};\n\nconst guint yd_n_migrations = G_N_ELEMENTS(yd_migrations);\n')
with open(sys.argv[1], 'w', encoding='utf-8') as file:
    file.write(''.join(out))
