import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeTarget, type EncodeTarget, type ProfileSpec } from '../../domain/profile.ts';
import { encodeFile, type EncodeResult } from '../../media/encode-file.ts';
import { inspectSources, type Sources } from '../../media/join.ts';
import { ffmpeg, record, run } from './footage.ts';

export const x264 = { kind: 'x264', device: null } as const;
export const profile: ProfileSpec = { mode: 'encode', height: 240, fps: 10, bitrateKbps: 500, audio: 'none' };
export const x264Source = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', '60', '-sc_threshold', '0'];

let count = 0;

/** Encodes with x264 by the profile above. */
export async function encodeInto(
  folder: string,
  sources: Sources,
  change: Partial<ProfileSpec> = {},
): Promise<{ result: EncodeResult; target: EncodeTarget; output: string }> {
  const target = encodeTarget({ ...profile, ...change }, sources.facts);
  const output = join(folder, `final-${count++}.mp4`);
  const result = await encodeFile({ ffmpeg, encoder: x264, sources, target, output });
  return { result, target, output };
}

/** A source by other arguments than `makeSource` has, recorded as the recorder does. */
export async function recordBy(
  folder: string,
  input: string,
  encoder: readonly string[],
  codec: 'h264' | 'hevc' = 'h264',
): Promise<Sources> {
  await mkdir(folder);
  const source = join(folder, 'source.mkv');
  await run(ffmpeg, ['-v', 'error', '-y', '-f', 'lavfi', '-i', input, '-t', '8', ...encoder, source]);
  return inspectSources(await record(source, { dir: folder, codec }));
}
