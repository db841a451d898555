import { open } from 'node:fs/promises';
import { readIndex } from '../../media/mp4-index.ts';

/** Takes the end of a file away, within its last fragment: as a full disk leaves it. */
export async function cutOff(filePath: string): Promise<void> {
  const last = (await readIndex(filePath)).fragments.at(-1);
  const file = await open(filePath, 'r+');
  await file.truncate((last?.offset ?? 0) + 20);
  await file.close();
}

/** Has zeros in place of its last fragment: as it is copied from a bad disk. */
export async function zeroEnd(filePath: string): Promise<void> {
  const last = (await readIndex(filePath)).fragments.at(-1);
  const file = await open(filePath, 'r+');
  await file.write(Buffer.alloc(last?.bytes ?? 0), 0, last?.bytes ?? 0, last?.offset ?? 0);
  await file.close();
}
