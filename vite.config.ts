import { defineConfig } from 'vite';
import { preact } from '@preact/preset-vite';

// The console's build.
// oxlint-disable-next-line import/no-default-export -- what vite reads
export default defineConfig({
  root: 'web',
  plugins: [preact()],
  build: { outDir: '../dist/web', emptyOutDir: true },
});
