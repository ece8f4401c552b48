// Adds up what a browser loads before the portal can be used: the page, the entry (the portal is in it) with all that
// it imports, styles, and the fonts of plain text. Fails above the limit.
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT_KB = 350;
const FONTS = /^RedHat(Text|Display)VF-[^I]/;
const manifest = JSON.parse(readFileSync('dist/.vite/manifest.json', 'utf8'));
const loaded = new Set();

function take(key) {
  const chunk = manifest[key];
  if (loaded.has(chunk.file)) return;
  loaded.add(chunk.file);
  for (const css of chunk.css ?? []) loaded.add(css);
  for (const imported of chunk.imports ?? []) take(imported);
}

take('index.html');
let bytes = gzipSync(readFileSync('dist/index.html'), { level: 9 }).length;
for (const file of loaded) bytes += gzipSync(readFileSync(`dist/${file}`), { level: 9 }).length;
for (const file of readdirSync('dist/assets')) {
  if (FONTS.test(file)) bytes += readFileSync(`dist/assets/${file}`).length;
}
const kb = Math.round(bytes / 1000);
console.log(`first load of the portal: ${kb} kB gzipped, limit ${LIMIT_KB} kB (${loaded.size} files and fonts)`);
if (kb > LIMIT_KB) process.exit(1);
