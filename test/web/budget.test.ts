import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { build } from 'vite';

test('the first JavaScript is at most 120 kB gzip, and hls.js is not in it', async () => {
  const built = await build({ logLevel: 'error', build: { write: false } });
  const chunks = [built]
    .flat()
    .flatMap((part) => ('output' in part ? part.output : []))
    .filter((file) => file.type === 'chunk');
  const first = chunks.filter(({ isEntry }) => isEntry);
  const bytes = first.reduce((sum, { code }) => sum + gzipSync(code).length, 0);
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThan(120_000);
  expect(chunks.filter(({ isEntry }) => !isEntry).map(({ name }) => name)).toEqual(['hls.light']);
});
