/// <reference types="vitest/config" />
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { wasmAsset } from './wasm-asset';

// Served by deskd from dist/: every asset has a hash in its name, nothing is inlined (strict CSP).
export default defineConfig({
  plugins: [wasmAsset(), react()],
  base: '/',
  build: { target: 'es2022', assetsInlineLimit: 0, cssCodeSplit: true, sourcemap: false, manifest: true, modulePreload: { polyfill: false } },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'] },
});
