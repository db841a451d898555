import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCamera, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { waitFor } from '../support/system.ts';
import { createSite, type Site } from './host.ts';

let site: Site;
let camera: SimulatedCamera;
beforeAll(async () => {
  site = await createSite();
  camera = await startCamera({ maxClients: 1 });
});
afterAll(async () => {
  await site.close();
  await camera.close();
});

test('a camera that takes one client is let go before it is moved, and what that costs is explained', async () => {
  const cameraId = await site.addCamera(camera.url());
  const a = await site.start('a');
  const b = await site.start('b', { backoffMs: () => 2000 });
  const old = await a.ensure(cameraId, null);
  await waitFor('segments', async () => (await site.segments(cameraId)).length >= 2);
  const fresh = await b.ensure(cameraId, null);
  expect(await old.ended).toBe('superseded');
  await waitFor('footage of the new one', async () =>
    (await site.segments(cameraId)).some((row) => row.epoch === fresh.epoch),
  );
  expect((await site.state(cameraId)).status).toBe('recording');
  await fresh.stop('unwanted');
  await waitFor('all committed', async () =>
    [a, b].every((host) => host.stats().backlog.files + host.stats().pendingWrites === 0),
  );

  const rows = await site.segments(cameraId);
  rows.slice(1).forEach((row, i) => expect(row.startMs).toBeGreaterThanOrEqual(rows[i]?.endMs ?? 0));
  const lastOfOld = rows.findLast((row) => row.epoch === old.epoch);
  const firstOfNew = rows.find((row) => row.epoch === fresh.epoch);
  const gaps = (await site.gaps(cameraId)).filter(({ startMs }) => startMs > (rows[0]?.startMs ?? 0));
  expect(gaps).toMatchObject([
    { reason: 'deploy', owner: 'service', startMs: lastOfOld?.endMs, endMs: firstOfNew?.startMs },
  ]);
  expect(camera.requests().filter(({ method }) => method === 'DESCRIBE').length).toBeGreaterThan(2);
});
