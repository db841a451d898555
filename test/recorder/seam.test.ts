import { expect, test } from 'vitest';
import { followFrames, readFrameCounters } from '../support/frame-counter.ts';
import { waitFor } from '../support/system.ts';
import type { Site } from './host.ts';
import { onStage } from './stage.ts';

async function noOverlap(site: Site, cameraId: string): Promise<void> {
  const rows = await site.segments(cameraId);
  rows.slice(1).forEach((row, i) => expect(row.startMs).toBeGreaterThanOrEqual(rows[i]?.endMs ?? 0));
}

// A busy host sees the pictures late, and its clock is not the other's: more than half a GOP (1 s) apart.
test.concurrent.each([
  ['with equal clocks', 0, 0],
  ['the older one late', 0, -700],
  ['the newer one late', -700, 0],
])(
  'two recorders on one camera, %s: they meet at the key that both have',
  onStage(async ({ site, camera }, _: string, aheadA: number, aheadB: number) => {
    const cameraId = await site.addCamera(camera.url());
    const a = await site.start('a', { now: () => Date.now() + aheadA });
    const b = await site.start('b', { now: () => Date.now() + aheadB });
    const old = await a.ensure(cameraId, null);
    await waitFor('segments', async () => (await site.segments(cameraId)).length >= 2);
    const fresh = await b.ensure(cameraId, null);
    expect(fresh.epoch).toBe(old.epoch + 1);
    expect(await old.ended).toBe('superseded');
    expect(a.list()).toEqual([]);
    await waitFor(
      'footage of the new one',
      async () => (await site.segments(cameraId)).filter((row) => row.epoch === fresh.epoch).length >= 3,
    );
    await fresh.stop('unwanted');
    await waitFor('all committed', async () => a.stats().backlog.files + b.stats().backlog.files === 0);
    await noOverlap(site, cameraId);
    const rows = await site.segments(cameraId);
    rows.slice(1).forEach((row, i) => expect(row.startMs - (rows[i]?.endMs ?? 0)).toBeLessThan(100));
    const report = followFrames(await readFrameCounters(await site.download(cameraId)), camera.loop().frames);
    expect(report).toMatchObject({ missing: [], duplicated: [], reordered: [] });
  }),
);
