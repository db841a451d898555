import { mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../log.ts';
import { keySampleSha256 } from '../../media/key-sample.ts';
import { readIndex } from '../../media/mp4-index.ts';
import { openDialer } from '../../recorder/dialer/dialer.ts';
import { createRunWatch, type FirstFrame, type RunWatch } from '../../recorder/run-watch.ts';
import { createAddressPolicy } from '../../security/address-policy.ts';
import { makeFolder, recordMade } from '../media/footage.ts';

const log = createLogger({ level: 'silent', name: 'test' });
let folder: Awaited<ReturnType<typeof makeFolder>>;
beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => folder.remove());

/** A run whose first file was finished before anybody looked: two of 4 s, each with keys of its own. */
async function lateRun(name: string): Promise<{ dir: string; watch: RunWatch; told: FirstFrame[] }> {
  const paths = await recordMade(folder.path, name, { seconds: 8, fps: 5, gop: 5 });
  expect(paths).toHaveLength(2);
  const dir = path.dirname(paths[0] ?? '');
  const networks = createAddressPolicy({ allowed: undefined, ownAddresses: [] });
  const dialer = await openDialer({ url: 'rtsp://192.0.2.1/', networks, log });
  onTestFinished(() => dialer.close());
  const told: FirstFrame[] = [];
  const watch = createRunWatch({
    dir,
    dialer,
    expected: { codec: 'h264', audioCodec: null },
    audio: 'none',
    maxKbps: 60_000,
    now: Date.now,
    onFirstPacket: () => undefined,
    onFirstFrame: (first) => told.push(first),
    onGrowth: () => undefined,
  });
  watch.listed('0.mp4');
  return { dir, watch, told };
}

async function firstKeyOf(file: string): Promise<string> {
  const [fragment] = (await readIndex(file)).fragments;
  if (fragment === undefined) throw new Error(`nothing in ${file}`);
  return keySampleSha256(file, fragment);
}

test('the first key is that of the first file, though the next one is open already', async () => {
  const { dir, watch, told } = await lateRun('open');
  expect(await watch.look()).toBeNull();
  expect(told.map(({ keySha256 }) => keySha256)).toEqual([await firstKeyOf(path.join(dir, '0.mp4'))]);
});

test('the first key is that of the first file, which is closed by now, or about to be', async () => {
  const { dir, watch, told } = await lateRun('closed');
  await mkdir(path.join(dir, 'closed'));
  const closed = path.join(dir, 'closed', 'first.mp4');
  await rename(path.join(dir, '0.mp4'), closed);
  expect(await watch.look()).toBeNull();
  expect(told).toEqual([]); // not that of the next file
  watch.closed(closed, await readIndex(closed));
  watch.closed(path.join(dir, '1.mp4'), await readIndex(path.join(dir, '1.mp4')));
  expect(await watch.look()).toBeNull();
  expect(told.map(({ keySha256 }) => keySha256)).toEqual([await firstKeyOf(closed)]);
  expect(await watch.closedKey()).toBe(await firstKeyOf(closed));
});
