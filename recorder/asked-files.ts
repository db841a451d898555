import type { ClosedFile } from './run-files.ts';

/** Files that wait for an answer about their camera. */
export interface AskedFiles {
  add(file: ClosedFile): void;
  /** Whether files of the camera wait just now. */
  isAsking(cameraId: string): boolean;
}

/**
 * One answer holds for all files of a camera that came while it was awaited, and they go on in the order in which they
 * came: with an answer each they would be committed in any order.
 * @param ask never rejects
 */
export function createAskedFiles<Answer>(
  ask: (cameraId: string) => Promise<Answer>,
  goOn: (file: ClosedFile, answer: Answer) => void,
): AskedFiles {
  const waiting = new Map<string, ClosedFile[]>();

  async function answered(cameraId: string): Promise<void> {
    const answer = await ask(cameraId);
    const files = waiting.get(cameraId) ?? [];
    waiting.delete(cameraId);
    for (const file of files) goOn(file, answer);
  }

  return {
    add(file) {
      const files = waiting.get(file.cameraId);
      if (files !== undefined) {
        files.push(file);
        return;
      }
      waiting.set(file.cameraId, [file]);
      void answered(file.cameraId);
    },
    isAsking: (cameraId) => waiting.has(cameraId),
  };
}
