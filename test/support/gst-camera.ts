import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedFolder } from './camera/loop-cache.ts';
import { loopArguments, loopOptions } from './camera/loop-arguments.ts';
import type { Login } from './camera/login.ts';

const script = fileURLToPath(new URL('gst-camera.py', import.meta.url));

/** Debian's packages that this camera needs; `npm test` installs them. */
const packages = [
  'python3-gi',
  'gir1.2-gst-rtsp-server-1.0',
  'gstreamer1.0-plugins-base',
  'gstreamer1.0-plugins-good',
  'gstreamer1.0-plugins-bad',
];

export interface GstCamera {
  /** With the login, if there is one. */
  url: string;
  /** Pictures after which the stream ends; they carry the frame counter. */
  frames: number;
  close(): Promise<void>;
}

export interface GstCameraOptions {
  codec?: 'h264' | 'hevc';
  login?: Login;
  ffmpeg?: string;
  /** The distribution's Python: others do not see its `gi` package. */
  python?: string;
}

/**
 * Starts a camera by Debian's gst-rtsp-server: an independent check of what is only known from the simulated one.
 * @throws Error that names the packages when they are missing
 */
export async function startGstCamera(options: GstCameraOptions = {}): Promise<GstCamera> {
  const { codec = 'h264', login, ffmpeg = 'ffmpeg', python = '/usr/bin/python3' } = options;
  const loop = loopOptions({ codec, frames: 900 });
  const annexB = path.join(await generatedFolder(ffmpeg, loopArguments(loop, true)), 'video');
  const remux = [
    '-v',
    'error',
    '-nostdin',
    '-y',
    '-r',
    `${loop.fps}`,
    '-f',
    codec,
    '-i',
    annexB,
    '-c',
    'copy',
    'loop.mp4',
  ];
  const file = path.join(await generatedFolder(ffmpeg, remux), 'loop.mp4');
  const args = [script, file, codec, ...(login === undefined ? [] : [login.user, login.password, login.scheme])];
  const child = spawn(python, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (bytes: Buffer) => (complaints += bytes.toString()));
  child.on('error', (error) => (complaints += error.message));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const port = await Promise.race([once(child.stdout, 'data').then(([bytes]) => Number(String(bytes))), ended]);
  if (port === undefined) {
    const missing = /No module named|not available|no element|ENOENT/.test(complaints);
    const hint = missing ? ` Install its packages: apt-get install ${packages.join(' ')}` : '';
    throw new Error(`The GStreamer camera did not start.${hint}\n${complaints}`);
  }
  const user = login === undefined ? '' : `${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}@`;
  return {
    url: `rtsp://${user}127.0.0.1:${port}/stream`,
    frames: loop.frames,
    async close() {
      child.stdin.end();
      child.kill();
      await ended;
    },
  };
}
