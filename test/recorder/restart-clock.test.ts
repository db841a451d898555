import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { claimsBetween } from '../../db/gaps.ts';
import { prepareClocks } from '../../scripts/bench/chaos-clock.ts';
import { startCamera } from '../support/camera/start-camera.ts';
import { readFrameCounters } from '../support/frame-counter.ts';
import { waitFor } from '../support/system.ts';
import { createSite } from './host.ts';
import { startProcess } from './start-process.ts';

const aheadMs = 20_000;

test('killed after its clock was ahead and set right, a recorder leaves as much of a hole as was lost', async (context) => {
  const site = await createSite();
  const clock = prepareClocks(site.dir)?.('host');
  if (clock === undefined) {
    await site.close();
    context.skip('no compiler for the clock');
    return;
  }
  const camera = await startCamera();
  const start = (ids: readonly string[]) =>
    startProcess(site, 'host', { cameraIds: ids, settings: { ...clock.environment, RECORDER_CLOCK: 'alone' } });
  const cameraId = await site.addCamera(camera.url());
  const rowsFrom = async (startMs: number) => (await site.segments(cameraId)).filter((row) => row.startMs >= startMs);
  clock.step(aheadMs);
  const first = start([cameraId]);
  let second: ReturnType<typeof startProcess> | null = null;
  try {
    await waitFor('footage', async () => (await site.segments(cameraId)).length >= 1);
    clock.step(0);
    const setMs = Date.now() + aheadMs;
    await waitFor('footage that goes on', async () => (await rowsFrom(setMs)).length >= 1);
    first.child.kill('SIGKILL');
    await first.exited;
    await sleep(2000);
    second = start([]);
    await waitFor('footage after the restart', async () =>
      (await site.segments(cameraId)).slice(1).some(({ anchor }) => anchor),
    );
    const rows = await site.segments(cameraId);
    const at = rows.findLastIndex(({ anchor }) => anchor);
    const holeMs = (rows[at]?.startMs ?? 0) - (rows[at - 1]?.endMs ?? 0);
    const files = await site.download(cameraId);
    const [lastShown, nextShown] = await Promise.all([
      readFrameCounters(files.slice(at - 1, at)),
      readFrameCounters(files.slice(at, at + 1)),
    ]);
    const { frames, fps } = camera.loop();
    const lost = ((nextShown.at(0) ?? 0) - (lastShown.at(-1) ?? 0) + frames) % frames;
    expect(holeMs).toBeGreaterThan(2000);
    expect(Math.abs(holeMs - (lost / fps) * 1000)).toBeLessThan(700);
    const claims = await claimsBetween(site.database.pool, cameraId, setMs, setMs + 60_000);
    expect(claims).toMatchObject([{ reason: 'host-lost', startMs: rows[at - 1]?.endMs, endMs: rows[at]?.startMs }]);
  } finally {
    for (const one of [first, second]) one?.child.kill('SIGKILL');
    await Promise.all([first.exited, second?.exited]);
    await Promise.all([site.close(), camera.close()]);
  }
});
