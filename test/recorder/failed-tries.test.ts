import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createFailedTries } from '../../recorder/failed-tries.ts';

test('a server that is away is told of at once, then once a minute for all cameras together', () => {
  const logged: { tries: number; cameras: number; cause: string; cameraId: string }[] = [];
  const log = pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) });
  let nowMs = 0;
  const tries = createFailedTries({ log, what: 'it waits', steadyMs: () => nowMs });
  const away = (port: number): Error => Object.assign(new Error(`refused at ${port}`), { code: 'ECONNREFUSED' });
  const failEach = (): void => {
    for (let camera = 0; camera < 200; camera += 1) tries.failed({ cameraId: `camera ${camera}` }, away(camera));
  };
  for (; nowMs <= 120_000; nowMs += 10_000) failEach();
  expect(logged).toMatchObject([
    { tries: 1, cameras: 1, cameraId: 'camera 0', cause: 'refused at 0' },
    { tries: 1200, cameras: 200, cameraId: 'camera 0' },
    { tries: 1200, cameras: 200 },
  ]);

  // Another cause has a line of its own, however many others wait.
  tries.failed({ cameraId: 'camera 7' }, Object.assign(new Error('no permission'), { code: '42501' }));
  expect(logged.at(-1)).toMatchObject({ tries: 1, cameras: 1, cause: 'no permission' });

  // Back for longer than tries are apart, and away again: what was counted before is none of it.
  nowMs += 600_000;
  failEach();
  expect(logged).toHaveLength(5);
  expect(logged.at(-1)).toMatchObject({ tries: 1, cameras: 1 });
});
