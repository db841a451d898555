import { expect, test } from 'vitest';
import { createLogger } from '../../log.ts';
import type { CommitOutcome } from '../../recorder/commit.ts';
import { createCommitter, type Committer } from '../../recorder/committer.ts';
import type { ClosedFile } from '../../recorder/run-files.ts';

const log = createLogger({ level: 'silent', name: 'test' });

function fileAt(startMs: number): ClosedFile {
  const name = { startMs, durationMs: 2000, epoch: 2, anchor: false };
  return { cameraId: 'camera', path: `/nowhere/${startMs}.mp4`, name };
}

test('a file that was moved on keeps its turn before what was recorded after it', async () => {
  const committed: number[] = [];
  let isLate = false;
  const commit = async (file: ClosedFile): Promise<CommitOutcome> => {
    const { startMs } = file.name;
    if (startMs === 1000) return { kind: 'cut', parts: [fileAt(21_000), fileAt(22_000)] };
    if (startMs === 21_000 && !isLate) {
      isLate = true;
      committer.add(fileAt(3000)); // closed while the one moved on waits
      return { kind: 'held', hold: { for: 'seam', untilMs: 0, giveUpMs: 0 } };
    }
    committed.push(startMs);
    return { kind: 'committed', hole: null };
  };
  const committer: Committer = createCommitter({ commit, onDone: () => undefined, log, now: Date.now });
  committer.add(fileAt(1000));
  committer.add(fileAt(5000));
  expect(await committer.flush(10_000)).toBe(true);
  await committer.stop();
  expect(committed).toEqual([21_000, 22_000, 3000, 5000]);
});
