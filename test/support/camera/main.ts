import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { readConfig } from '../../../config.ts';
import { answerCommands } from './commands.ts';
import { pictures, type LoopOptions } from './loop-arguments.ts';
import type { Login } from './login.ts';
import { startCamera, type SimulatedCamera } from './start-camera.ts';

const usage = `Simulated cameras in a process of their own. Prints one JSON line when all are ready:
  {"cameras":[{"name","url","port"}]}

  --count N                 cameras (default 3)
  --kind demo|bench         demo: 1280x720, 15 fps, 1 Mbit/s, each a picture of its own (default)
                            bench: 1920x1080, 30 fps, 4 Mbit/s, one loop for all
  --stream JSON             loop options over the kind's, e.g. '{"codec":"hevc","frames":1800}'
  --ports P,P,...           one a camera (default: free ports)
  --login USER:PASSWORD     asked for by Digest
  --control                 takes commands on stdin (see commands.ts) and ends when stdin ends`;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '3' },
    kind: { type: 'string', default: 'demo' },
    stream: { type: 'string', default: '{}' },
    ports: { type: 'string', default: '' },
    login: { type: 'string' },
    control: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const places = ['Main gate', 'Car park', 'Warehouse', 'Loading bay', 'Reception', 'Server room', 'Roof', 'Corridor'];
/** 20 s: quick to make, and the loop is not noticed. The four pictures that draw fast enough come first. */
const demo = { width: 1280, height: 720, fps: 15, bitrateKbps: 1000, gopSeconds: 2, frames: 300 };
const bench = { width: 1920, height: 1080, fps: 30, bitrateKbps: 4000, picture: 'noise', frames: 900 } as const;

function nameOf(index: number): string {
  const place = places[index % places.length] ?? '';
  return index < places.length ? place : `${place} ${Math.floor(index / places.length) + 1}`;
}

function loopOf(index: number): Partial<LoopOptions> {
  const given: Partial<LoopOptions> = JSON.parse(values.stream);
  if (values.kind === 'bench') return { ...bench, ...given };
  return { ...demo, picture: pictures[index % 4] ?? 'test', title: nameOf(index), ...given };
}

function loginOf(text: string | undefined): Login | undefined {
  if (text === undefined) return undefined;
  const colon = text.indexOf(':');
  return { user: text.slice(0, colon), password: text.slice(colon + 1), scheme: 'digest' };
}

async function main(): Promise<void> {
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  const { ffmpeg } = readConfig(process.env);
  const login = loginOf(values.login);
  const ports = values.ports.split(',').map(Number);
  const cameras: SimulatedCamera[] = [];
  const shown: { name: string; url: string; port: number }[] = [];
  for (let index = 0; index < Number(values.count); index += 1) {
    const streams = { '/stream': loopOf(index) };
    const asked = login === undefined ? {} : { login };
    const camera = await startCamera({ streams, port: ports[index] ?? 0, ffmpeg, ...asked });
    cameras.push(camera);
    shown.push({ name: nameOf(index), url: camera.url(undefined, login), port: camera.port });
  }
  process.stdout.write(`${JSON.stringify({ cameras: shown })}\n`);

  const stopped = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  await (values.control ? Promise.race([stopped, answerCommands(cameras)]) : stopped);
  await Promise.all(cameras.map((camera) => camera.close()));
  process.exit(0); // stdin may still be open
}

await main();
