import { readdir } from 'node:fs/promises';

/** The n of `n.mp4`, as a run of ffmpeg names its files; null for another name. */
export function indexOf(file: string): number | null {
  const match = /^(\d+)\.mp4$/.exec(file);
  return match === null ? null : Number(match[1]);
}

/** The files that lie in a run's folder, in the order of their recording. */
export async function indexesIn(dir: string): Promise<number[]> {
  return (await readdir(dir)).flatMap((file) => indexOf(file) ?? []).toSorted((a, b) => a - b);
}
