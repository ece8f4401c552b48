// IronRDP's package carries its WebAssembly as a data: address inside its script. Here it becomes a
// file of its own: cached by browsers, compressed by the build, and allowed by a strict policy.
import type { Plugin } from 'vite';

const MODULE = /iron-remote-desktop-rdp\.js$/;
const DATA = /"data:application\/wasm;base64,([A-Za-z0-9+/=]+)"/;

export function wasmAsset(): Plugin {
  return {
    name: 'yundesk-wasm-asset',
    enforce: 'pre',
    apply: 'build',
    transform(code, id) {
      if (!MODULE.test(id)) return undefined;
      const found = DATA.exec(code);
      if (!found?.[1]) this.error(`no WebAssembly was found in ${id}: has the package changed?`);
      const source = Buffer.from(found[1], 'base64');
      const file = this.emitFile({ type: 'asset', name: 'ironrdp.wasm', source });
      return { code: code.replace(DATA, () => `import.meta.ROLLUP_FILE_URL_${file}`), map: null };
    },
  };
}
