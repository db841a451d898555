import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CameraAnswer } from '../../api/schemas/camera.ts';
import { cameraForRecording } from '../../db/recorded-cameras.ts';
import { substreamUrlAad } from '../../security/seal.ts';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

test('a second stream is stored sealed in its own place, shown without its login, and taken away', async () => {
  const substreamUrl = 'rtsp://admin:s3cret@192.0.2.7/sub';
  const made = await api.call('POST', '/v1/cameras', { name: 'Gate', url: 'rtsp://192.0.2.7/main', substreamUrl });
  expect(made.statusCode).toBe(201);
  const { id, substreamUrlRedacted, configVersion } = made.json<CameraAnswer>();
  expect(substreamUrlRedacted).toBe('rtsp://192.0.2.7/sub');
  expect(made.body).not.toContain('s3cret');
  const stored = await cameraForRecording(api.deps.pool, id);
  expect(api.deps.sealer.unseal(stored?.sealedSubstreamUrl ?? '', substreamUrlAad(id))).toBe(substreamUrl);

  // Temporal is away: stored, and applied later.
  const gone = await api.call('PATCH', `/v1/cameras/${id}`, { substreamUrl: null });
  expect(gone.statusCode).toBe(202);
  expect(gone.json()).toMatchObject({ substreamUrlRedacted: null, configVersion: configVersion + 1 });
  expect((await cameraForRecording(api.deps.pool, id))?.sealedSubstreamUrl).toBeNull();
});

test('a wrong one is refused by its own name', async () => {
  const body = { name: 'Door', url: 'rtsp://192.0.2.7/main', substreamUrl: 'http://192.0.2.7/sub' };
  const answer = await api.call('POST', '/v1/cameras', body);
  expect(answer.statusCode).toBe(400);
  const { code, errors } = answer.json<{ code: string; errors: { path: string }[] }>();
  expect([code, errors.map(({ path }) => path)]).toEqual(['invalid-camera-url', ['substreamUrl']]);
});
