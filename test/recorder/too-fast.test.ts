import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { waitFor } from '../support/system.ts';
import { createSite, type Site } from './host.ts';

let site: Site;
let camera: SimulatedCamera;
beforeAll(async () => {
  site = await createSite();
  camera = await startCamera({ faults: { '/fast': { padToKbps: 6000 } } });
});
afterAll(async () => {
  await site.close();
  await camera.close();
});

test('a camera that sends more than it may is refused by name and seldom tried again; the others go on', async () => {
  const waits: boolean[] = [];
  const recorder = await site.start('a', {
    config: { ...site.deps('a').config, cameraMaxKbps: 1000 },
    backoffMs: (...wait) => {
      waits.push(wait[3] === true);
      return 300;
    },
  });
  const [fast, usual] = [await site.addCamera(camera.url('/fast')), await site.addCamera(camera.url())];
  const recording = await recorder.ensure(usual, null);
  await recorder.ensure(fast, null);
  const gap = await waitFor('its refusal', async () =>
    (await site.gaps(fast)).find(({ evidence }) => evidence.lastError?.includes('kbit/s')),
  );
  expect(gap.reason).toBe('bad-stream');
  expect(gap.evidence.lastError).toMatch(/^The camera sends \d+ kbit\/s; it is not recorded above 1000\.$/);
  expect(waits).toContain(true);
  // What came before it was refused is footage.
  await waitFor('its footage', async () => (await site.segments(fast)).length > 0);
  await waitFor('the other one records', async () => recording.progress().state === 'recording');
  camera.setFault(null, '/fast');
  const mendedMs = Date.now();
  await waitFor('it is mended', async () => (await site.segments(fast)).some((row) => row.startMs > mendedMs + 3000));
  const [first] = await site.segments(usual);
  expect((await site.gaps(usual)).filter(({ startMs }) => startMs > (first?.startMs ?? 0))).toEqual([]);
});
