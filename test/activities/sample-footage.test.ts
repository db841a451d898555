import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sampleFootage, type SampleDeps } from '../../activities/sample-footage.ts';
import { countChecks } from '../../db/segment-checks.ts';
import { commitSlow } from '../../db/segments.ts';
import { transaction } from '../../db/sql.ts';
import { ffmpeg } from '../media/footage.ts';
import { createReconcileSite, nowMs, t0, type ReconcileSite } from './reconcile-site.ts';

let site: ReconcileSite;
beforeAll(async () => {
  site = await createReconcileSite();
});
afterAll(() => site.close());

const hourMs = 3_600_000;

function sample(): Promise<Record<string, number>> {
  const deps: SampleDeps = { ...site.deps, ffmpeg, segments: 200 };
  return sampleFootage(deps, () => undefined);
}

test('good footage is found good; lost, changed and undecodable footage is told and never deleted', async () => {
  const camera = await site.addCamera();
  for (let i = 0; i < 4; i += 1) await site.record(camera, t0 + i * hourMs);
  expect(await sample()).toMatchObject({ gone: 0, 'wrong-hash': 0, undecodable: 0 });
  expect(await site.findings(camera)).toEqual([]);

  const [, changed = '', lost = ''] = await site.rows(camera);
  const original = await readFile(site.files[0] ?? '');
  const bytes = Buffer.from(original);
  bytes[bytes.length - 200] = (bytes[bytes.length - 200] ?? 0) ^ 1;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await site.objects.remove([changed, lost]);
  await site.objects.put(changed, Readable.from([bytes]), bytes.length, sha256);
  // Its hash is right and its boxes are whole, and no picture comes of it.
  const noise = Buffer.from(original);
  for (let at = noise.indexOf('mdat') + 4; at < noise.length; at += 1) noise[at] = (at * 7) & 255;
  const noisePath = createHash('sha256').update(noise).digest('hex');
  const stored = await site.store(camera, t0 + 5 * hourMs);
  const segment = { ...stored.segment, sha256: noisePath };
  const noiseKey = stored.key.replace(/[0-9a-f]{16}\.mp4$/, `${noisePath.slice(0, 16)}.mp4`);
  await site.objects.remove([stored.key]);
  await site.objects.put(noiseKey, Readable.from([noise]), noise.length, noisePath);
  await transaction(site.database.pool, (tx) => commitSlow(tx, camera.internalId, segment));

  // The last one is met rarely: instants are drawn, and its time is the shortest here.
  await site.record(camera, t0 + 7 * hourMs);

  const counts = await sample();
  for (const verdict of ['gone', 'wrong-hash', 'undecodable', 'good']) expect(counts[verdict]).toBeGreaterThan(0);
  expect((await site.findings(camera)).map((line) => line.split(':')[0] ?? '').toSorted()).toEqual([
    '1 wrong-bytes damaged wrong-hash',
    '2 row-without-object suspect gone',
    '5 wrong-bytes damaged undecodable',
  ]);
  expect(await site.rows(camera)).toHaveLength(6);
  expect(await site.objects.stat(changed)).not.toBeNull();
  expect((await countChecks(site.database.pool, nowMs - 1)).map(({ verdict }) => verdict).toSorted()).toEqual([
    'gone',
    'good',
    'undecodable',
    'wrong-hash',
  ]);

  await site.objects.remove([changed]);
  await site.store(camera, t0 + hourMs);
  await sample();
  expect((await site.findings(camera)).map((line) => line.split(' ')[0] ?? '').toSorted()).toEqual(['2', '5']);
});
