import { open } from 'node:fs/promises';

/** Each read of a file is a turn of Node's thread pool (0.1 ms); the 64 KiB of a stream would take 16 of them a MB. */
const chunkBytes = 1024 * 1024;
/** Enough for two commits; more at once take memory of their own. */
const mostKept = 4;
const kept: Buffer[] = [];

/**
 * Lends memory for `chunksOf`. Each commit reads its file twice: memory anew for each read was 1 MB a second and camera at
 * 4 Mbit/s, for which V8 collected all garbage about once a second.
 */
export async function withBuffers<T>(count: number, work: (buffers: readonly Buffer[]) => Promise<T>): Promise<T> {
  const buffers = Array.from({ length: count }, () => kept.pop() ?? Buffer.allocUnsafeSlow(chunkBytes));
  const result = await work(buffers);
  // Not where it failed: something may still read them.
  if (kept.length + count <= mostKept) kept.push(...buffers);
  return result;
}

/**
 * A file's bytes. A chunk stays as it is until as many more are asked for as there are buffers.
 * @throws errors of the file system
 */
export async function* chunksOf(path: string, buffers: readonly Buffer[]): AsyncGenerator<Buffer, void> {
  const file = await open(path, 'r');
  try {
    for (;;) {
      for (const buffer of buffers) {
        const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    }
  } finally {
    await file.close();
  }
}
