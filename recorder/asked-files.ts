import { measure, type WaitingFile } from './backlog.ts';
import type { ClosedFile } from './run-files.ts';

/** Files that wait for an answer about their camera. */
export interface AskedFiles {
  add(file: ClosedFile): void;
  /** Whether files of the camera wait just now. */
  isAsking(cameraId: string): boolean;
  waiting(): WaitingFile[];
  /** Resolves once no file waits; a catalogue that hangs gives its answer after 35 s. Never rejects. */
  idle(): Promise<void>;
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
  const asking = new Map<string, { files: WaitingFile[]; answered: Promise<void> }>();

  async function answered(cameraId: string, files: WaitingFile[]): Promise<void> {
    const answer = await ask(cameraId);
    asking.delete(cameraId);
    for (const { file } of files) goOn(file, answer);
  }

  return {
    add(file) {
      const waiting = { file, bytes: 0 };
      void measure(waiting);
      const before = asking.get(file.cameraId);
      if (before !== undefined) {
        before.files.push(waiting);
        return;
      }
      const files = [waiting];
      asking.set(file.cameraId, { files, answered: answered(file.cameraId, files) });
    },
    isAsking: (cameraId) => asking.has(cameraId),
    waiting: () => [...asking.values()].flatMap(({ files }) => files),
    async idle() {
      while (asking.size > 0) await Promise.all([...asking.values()].map((each) => each.answered));
    },
  };
}
