import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How one encoder of the pretended machine behaves; encoders not named are the real ffmpeg's. */
export interface Device {
  /** It fails with these. */
  lines?: readonly string[];
  exitCode?: number;
  /** It fails with these where it is to decode, too. */
  gpuDecodeLines?: readonly string[];
  /** Sessions it gives at once; further ones fail with `capLines`. */
  cap?: number;
  capLines?: readonly string[];
}

export interface StandIn {
  /** The executable. */
  path: string;
  /** From the next start on. */
  set(encoders: Record<string, Device>): Promise<void>;
  /** What it did: `encodes <encoder>` and `refused <encoder>`, in order. */
  log(): Promise<string[]>;
}

/** Makes an ffmpeg whose GPUs behave as told. @param folder an existing one of its own */
export async function makeStandIn(folder: string, encoders: Record<string, Device>): Promise<StandIn> {
  const script = fileURLToPath(new URL('ffmpeg.mjs', import.meta.url));
  const scenario = join(folder, 'scenario.json');
  const path = join(folder, 'ffmpeg');
  const stateDir = join(folder, 'state');
  await mkdir(stateDir, { recursive: true });
  const set = (given: Record<string, Device>): Promise<void> =>
    writeFile(
      scenario,
      JSON.stringify({ ffmpeg: process.env['FRAMEKEEP_FFMPEG'] ?? 'ffmpeg', stateDir, encoders: given }),
    );
  await set(encoders);
  await writeFile(path, `#!/bin/sh\nexec '${process.execPath}' '${script}' '${scenario}' "$@"\n`);
  await chmod(path, 0o755);
  const log = async (): Promise<string[]> => {
    const text = await readFile(join(stateDir, 'log'), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  };
  return { path, set, log };
}
