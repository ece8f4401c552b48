// SPDX-License-Identifier: Apache-2.0
// Installation media for tests.

import fs from 'node:fs';
import path from 'node:path';
import { ok } from './process.mjs';
import { guestImage } from './product.mjs';

// Makes a bootable ISO image of the small guest; its /tiny.raw.gz is the disk to install. Works in a new folder of `home`.
export async function bootableIso(home, file) {
  const folder = path.join(home, 'iso');
  fs.mkdirSync(path.join(folder, 'tree/isolinux'), { recursive: true });
  await ok('sh', ['-euc', `
    cd "$1"
    qemu-img convert -O raw "$2" tiny.raw
    start=$(sfdisk -d tiny.raw | sed -n 's/.*start= *\\([0-9]*\\).*/\\1/p' | head -n1)
    dd if=tiny.raw of=part bs=512 skip="$start" status=none
    debugfs -R 'dump /boot/vmlinuz tree/isolinux/vmlinuz' part 2>/dev/null
    debugfs -R 'dump /boot/initrd.gz first.gz' part 2>/dev/null
    gzip -1 tiny.raw
    echo tiny.raw.gz | cpio -o -H newc --quiet | gzip -1 >second.gz
    cat first.gz second.gz >tree/isolinux/initrd.gz
    cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 tree/isolinux/
    printf '%s\\n' 'DEFAULT tiny' 'PROMPT 0' 'LABEL tiny' ' LINUX vmlinuz' ' INITRD initrd.gz' \
      ' APPEND quiet console=ttyS0 console=tty0 mitigations=off no_timer_check panic=1' >tree/isolinux/isolinux.cfg
    xorriso -as mkisofs -quiet -V TINY -o "$3" -b isolinux/isolinux.bin -c isolinux/boot.cat \
      -no-emul-boot -boot-load-size 4 -boot-info-table tree`, 'sh', folder, await guestImage('tiny'), file], { seconds: 120 });
}
