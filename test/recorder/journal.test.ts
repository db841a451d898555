import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../../log.ts';
import { openJournal, type Assignment, type Journal } from '../../recorder/journal.ts';
import { openSpool } from '../../storage/spool.ts';

let dir: string;
let journal: Journal;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'framekeep-journal-'));
  journal = openJournal(await openSpool({ dir, maxBytes: 1e9 }), createLogger({ level: 'silent', name: 'test' }));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const cameraId = '0190f1de-0000-7000-8000-00000000000b';
const made = (epoch: number, sealedUrl: string): Assignment => ({
  cameraId,
  tenantId: cameraId,
  epoch,
  sealedUrl,
  substream: null,
  configVersion: epoch,
  tier: 'normal',
  audio: 'none',
  stream: null,
  archiveClock: null,
  stoppedAtMs: null,
});

test('a recording that ends late neither brings its old URL back nor takes its successor away', async () => {
  const [old, next] = [made(1, 'old'), made(2, 'new')];
  await journal.write(old);
  old.stream = { codec: 'h264', audioCodec: null };
  await journal.update(old);
  expect(await journal.read()).toEqual([old]);

  const replaced = journal.write(next);
  await Promise.all([journal.update(old), journal.end(old), replaced]);
  expect(await journal.read()).toEqual([next]);

  next.stoppedAtMs = 5;
  await journal.update(next);
  expect(await journal.read()).toEqual([{ ...made(2, 'new'), stoppedAtMs: 5 }]);
  await journal.end(next);
  expect(await journal.read()).toEqual([]);
  await journal.update(next); // it has ended
  expect(await journal.read()).toEqual([]);
});
