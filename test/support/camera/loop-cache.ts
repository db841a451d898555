import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where generated streams are kept between runs. */
const loopsDir = fileURLToPath(new URL('../../../.cache/loops', import.meta.url));

/**
 * The folder with the files that ffmpeg makes from these arguments, made once and kept; ffmpeg runs in it. It appears
 * by an atomic rename, so test workers may ask for the same one at the same time.
 */
export async function generatedFolder(ffmpeg: string, args: string[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(args)).digest('hex').slice(0, 24);
  const folder = path.join(loopsDir, hash);
  if (existsSync(folder)) return folder;
  await mkdir(loopsDir, { recursive: true });
  const making = await mkdtemp(path.join(loopsDir, 'making-'));
  try {
    await run(ffmpeg, args, { cwd: making });
    await rename(making, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error; // another worker was first: same bytes
    });
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return folder;
}

/** The contents of these files; see generatedFolder. */
export async function generated(ffmpeg: string, args: string[], names: string[]): Promise<Buffer[]> {
  const folder = await generatedFolder(ffmpeg, args);
  return Promise.all(names.map((name) => readFile(path.join(folder, name))));
}
