import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { EncoderSetting } from '../../config.ts';
import type { CeilingChange } from '../../media/encoder-sessions.ts';
import { createEncoders, type EncoderStep } from '../../media/encoders.ts';
import { inspectSources } from '../../media/join.ts';
import { makeStandIn, type Device } from '../support/stand-in-ffmpeg/stand-in.ts';
import { makeFolder, recordMade } from './footage.ts';

export const nvenc = { kind: 'nvenc', device: '0' } as const;
const profile = { mode: 'encode', height: 180, fps: 10, bitrateKbps: 300, audio: 'none' } as const;

export type EncoderMachines = Awaited<ReturnType<typeof createEncoderMachines>>;

/** Machines whose encoders a stand-in plays, and footage for their jobs. */
export async function createEncoderMachines() {
  const folder = await makeFolder();
  const sources = await inspectSources(await recordMade(folder.path, 'source', { seconds: 4, size: '640x360' }));

  /** A machine with these encoders, and a clock the test moves. */
  async function make(devices: Record<string, Device>, options: { wanted?: EncoderSetting; x264Slots?: number } = {}) {
    const own = await mkdtemp(join(folder.path, 'machine-'));
    await mkdir(join(own, 'host'));
    const standIn = await makeStandIn(own, devices);
    const steps: EncoderStep[] = [];
    const ceilings: CeilingChange[] = [];
    const clock = { nowMs: 1_000_000_000_000 };
    const worker = () =>
      createEncoders({
        ffmpeg: standIn.path,
        wanted: options.wanted ?? 'auto',
        ...(options.x264Slots === undefined ? {} : { x264Slots: options.x264Slots }),
        hostFolder: join(own, 'host'),
        onStep: (step) => steps.push(step),
        onCeiling: (change) => ceilings.push(change),
        now: () => clock.nowMs,
      });
    let count = 0;
    const job = () => ({ sources, profile, output: join(own, `${count++}.mp4`) });
    return { own, standIn, steps, ceilings, clock, worker, job };
  }

  return { path: folder.path, sources, make, remove: folder.remove };
}
