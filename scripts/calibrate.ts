import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../config.ts';
import { measuredCapacity } from '../domain/capacity.ts';
import { calibrate } from '../media/calibrate.ts';
import { saveCalibration } from '../media/calibration-file.ts';
import { createEncoders } from '../media/encoders.ts';

// Measures this machine's encoders and keeps what a worker should take on. Nothing else should run meanwhile.
const usage = 'npm run calibrate -- [--seconds 20] [--most 16]';
/** A session limit of 12 shows below this; cards without one are told by the rate that stops rising. */
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '20' }, most: { type: 'string', default: '16' } },
});
const [sourceSeconds, most] = [Number(values.seconds), Number(values.most)];
if (!(sourceSeconds >= 1) || !(most >= 1)) throw new Error(usage);

const config = loadConfig();
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const [load = 0] = loadavg();
if (load > cpus().length / 4) say(`This machine is busy (load ${load.toFixed(1)}): what is measured now is too low.`);
const folder = await mkdtemp(join(tmpdir(), 'framekeep-calibrate-'));
try {
  const hostFolder = config.encoderSessionDir === undefined ? {} : { hostFolder: config.encoderSessionDir };
  const { ladder } = await createEncoders({
    ffmpeg: config.ffmpeg,
    wanted: config.encoder,
    ...hostFolder,
  }).status();
  for (const { encoder, state, reason } of ladder) {
    const name = `${encoder.kind}${encoder.device === null ? '' : ` ${encoder.device}`}`;
    if (state === 'down') {
      say(`${name}: left out. ${reason}`);
      continue;
    }
    say(`${name}: 1080p30 at 8 Mbit/s to 720p10 at 1 Mbit/s, ${sourceSeconds} s, one more at once each time`);
    const calibration = await calibrate({
      ffmpeg: config.ffmpeg,
      encoder,
      folder,
      profile: { mode: 'encode', height: 720, fps: 10, bitrateKbps: 1000, audio: 'none' },
      sourceSeconds,
      // More x264 at once than cores only wait for each other.
      maxEncodes: encoder.kind === 'x264' ? Math.min(most, cpus().length) : most,
      nowMs: Date.now(),
      onLevel: ({ encodes, fps, cpuCores, vramMb }) =>
        say(`  ${encodes} at once: ${fps} fps, ${cpuCores} cores${vramMb === null ? '' : `, ${vramMb} MB of VRAM`}`),
    });
    if (calibration.refusal !== null) say(`  ${calibration.refusedAt} at once were refused: ${calibration.refusal}`);
    const capacity = measuredCapacity(calibration, true);
    for (const { name: limit, cameras, arithmetic } of capacity.limits) say(`  ${limit}: ${cameras} = ${arithmetic}`);
    say(`  slots: ${calibration.slots}; cameras like this one, encoded all the time: ${capacity.cameras}`);
    await saveCalibration(config.dataDir, calibration);
    process.stdout.write(`${JSON.stringify({ ...calibration, cameras: capacity.cameras })}\n`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
