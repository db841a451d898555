import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Calibration } from '../domain/capacity.ts';

const size = { width: z.number(), height: z.number(), fps: z.number(), bitrateKbps: z.number() };
const calibrationSchema = z.object({
  atMs: z.number(),
  encoder: z.object({ kind: z.string(), device: z.string().nullable() }),
  device: z.string().nullable(),
  cores: z.number(),
  source: z.object({ codec: z.enum(['h264', 'hevc']), ...size }),
  target: z.object(size),
  levels: z.array(
    z.object({ encodes: z.number(), fps: z.number(), cpuCores: z.number(), vramMb: z.number().nullable() }),
  ),
  refusedAt: z.number().nullable(),
  refusal: z.string().nullable(),
  slots: z.number().int().min(1),
}) satisfies z.ZodType<Calibration>;

const fileName = 'calibration.json';

/** What `npm run calibrate` measured on this host, by encoder; empty where it was not run. @throws ZodError where spoilt */
export async function readCalibrations(dataDir: string): Promise<Calibration[]> {
  const text = await readFile(join(dataDir, fileName), 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '[]';
    throw error;
  });
  return z.array(calibrationSchema).parse(JSON.parse(text));
}

/** Keeps a measurement in the place of the one before of the same encoder. */
export async function saveCalibration(dataDir: string, calibration: Calibration): Promise<void> {
  const isSame = ({ encoder }: Calibration): boolean =>
    encoder.kind === calibration.encoder.kind && encoder.device === calibration.encoder.device;
  const others = (await readCalibrations(dataDir)).filter((one) => !isSame(one));
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, fileName);
  await writeFile(`${path}.part`, `${JSON.stringify([...others, calibration], null, 2)}\n`);
  await rename(`${path}.part`, path);
}
