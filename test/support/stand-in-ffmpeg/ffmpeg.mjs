// Stands in for an ffmpeg on a machine with GPUs: prints what such a one prints where it fails, and encodes with x264
// where the scenario says that the device works. All other encoders are the real ffmpeg's.
// Arguments: the scenario's file, then ffmpeg's own. The file is read anew each time, so a device can go and return.
import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [scenarioPath, ...args] = process.argv.slice(2);
const { ffmpeg, stateDir, encoders } = JSON.parse(readFileSync(scenarioPath, 'utf8'));
const encoder = args[args.indexOf('-c:v') + 1];
const device = encoders[encoder];

if (device === undefined) {
  run(args, () => undefined);
} else {
  const onGpu = args.includes('-hwaccel');
  const gpu = Number(args[args.indexOf(onGpu ? '-hwaccel_device' : '-gpu') + 1]);
  if (encoder === 'h264_nvenc' && gpu > 0) onlyOneGpu();
  const lines = device.lines ?? (onGpu ? device.gpuDecodeLines : undefined);
  if (lines !== undefined) fail(lines);
  else encode();
}

function onlyOneGpu() {
  const call = 'cu->cuDeviceGet(&hwctx->internal->cuda_device, device_idx)';
  process.stderr.write(`[error] ${call} failed -> CUDA_ERROR_INVALID_DEVICE: invalid device ordinal\n`);
  process.exit(1);
}

function fail(lines) {
  appendFileSync(join(stateDir, 'log'), `refused ${encoder}\n`);
  process.stderr.write(`${lines.join('\n')}\n`);
  process.exit(device.exitCode ?? 1);
}

/** A session of the driver for as long as it encodes. */
function encode() {
  const sessions = join(stateDir, encoder);
  mkdirSync(sessions, { recursive: true });
  const own = join(sessions, String(process.pid));
  writeFileSync(own, '');
  if (device.cap !== undefined && readdirSync(sessions).length > device.cap) {
    rmSync(own);
    fail(device.capLines);
    return;
  }
  appendFileSync(join(stateDir, 'log'), `encodes ${encoder}\n`);
  run(asX264(args), () => rmSync(own));
}

function asX264(given) {
  const after = (name) => given[given.indexOf(name) + 1];
  const filter = after('-vf')
    .replace(/scale_cuda=(\d+):(\d+):format=yuv420p/, 'scale=$1:$2,format=yuv420p')
    .replace(/(scale_vaapi|vpp_qsv)=w=(\d+):h=(\d+):format=nv12/, 'scale=$2:$3,format=yuv420p')
    .replace('hwupload', 'format=yuv420p');
  const input = given.indexOf('-protocol_whitelist');
  const output = given.indexOf('-video_track_timescale');
  const ours = [
    ['-hide_banner', '-nostdin', '-nostats', '-v', 'level+warning', '-y'],
    given.slice(input, given.indexOf('-vf')),
    ['-vf', filter, '-fps_mode', 'passthrough', '-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0'],
    ['-b:v', after('-b:v'), '-maxrate', after('-b:v'), '-bufsize', after('-bufsize'), '-g', after('-g')],
    ['-sc_threshold', '0'],
    given.slice(output),
  ];
  return ours.flat();
}

function run(ownArgs, onEnd) {
  const child = spawn(ffmpeg, ownArgs, { stdio: 'inherit' });
  child.on('exit', (code) => {
    onEnd();
    process.exit(code ?? 1);
  });
}
