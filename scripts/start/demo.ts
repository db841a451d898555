import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { startChild, type Child, type ChildOptions } from './child.ts';
import { demoCameras } from './demo-scenes.ts';

/** What was made in this data folder: a camera that a person has deleted or renamed is not made again. */
const known = z.object({
  port: z.number(),
  cameras: z.array(z.object({ name: z.string(), path: z.string(), id: z.string() })),
});
type Known = z.infer<typeof known>;

export interface DemoOptions extends Omit<ChildOptions, 'name' | 'command' | 'stopSteps'> {
  count: number;
  dataDir: string;
  ffmpeg: string;
  apiUrl: string;
  apiKey: string;
}

/** Starts the simulated cameras, on the port of the last start where it is free, and waits until they send. */
export async function startDemoCameras(options: DemoOptions): Promise<Child> {
  const child = await startChild({
    ...options,
    name: 'demo-cameras',
    command: [
      '--import',
      'tsx',
      'scripts/start/demo-camera.ts',
      `--count=${options.count}`,
      `--port=${readKnown(options.dataDir).port}`,
      `--port-file=${portFile(options.dataDir)}`,
      `--ffmpeg=${options.ffmpeg}`,
    ],
    stopSteps: [{ signal: 'SIGTERM', waitMs: 2_000 }],
  });
  await child.said('demo cameras started');
  return child;
}

/** Makes them cameras of the system, through its API like any other, once; and tells it when their port has changed. */
export async function registerDemoCameras(options: DemoOptions): Promise<void> {
  const before = readKnown(options.dataDir);
  const port = Number(readFileSync(portFile(options.dataDir), 'utf8'));
  const url = (path: string): string => `rtsp://127.0.0.1:${port}${path}`;
  const cameras = [...before.cameras];
  if (port !== before.port) {
    for (const camera of before.cameras) {
      // 404 and 409: a person has retired it, and it stays so.
      await call(options, 'PATCH', `/v1/cameras/${camera.id}`, { url: url(camera.path) }, [404, 409]);
    }
  }
  for (const { name, path } of demoCameras.slice(0, options.count)) {
    if (cameras.some((camera) => camera.path === path)) continue;
    const made = await call(options, 'POST', '/v1/cameras', { name, url: url(path) }, [409]);
    // 409: a camera of that name is there, made by a start that was cut off before it could note it.
    const id = made === null ? await idOf(options, name) : listed.parse(made).id;
    if (id !== undefined) cameras.push({ name, path, id });
  }
  writeKnown(options.dataDir, { port, cameras });
}

const listed = z.object({ id: z.string(), name: z.string() });

async function idOf(options: DemoOptions, name: string): Promise<string | undefined> {
  const page = await call(options, 'GET', '/v1/cameras?limit=1000', undefined, []);
  return z
    .object({ items: z.array(listed) })
    .parse(page)
    .items.find((camera) => camera.name === name)?.id;
}

async function call(
  { apiUrl, apiKey }: DemoOptions,
  method: string,
  path: string,
  body: unknown,
  accepted: number[],
): Promise<unknown> {
  const answer = await fetch(`${apiUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${apiKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (accepted.includes(answer.status)) return null;
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
  return JSON.parse(text);
}

function readKnown(dataDir: string): Known {
  const path = knownFile(dataDir);
  return existsSync(path) ? known.parse(JSON.parse(readFileSync(path, 'utf8'))) : { port: 0, cameras: [] };
}

function writeKnown(dataDir: string, value: Known): void {
  writeFileSync(`${knownFile(dataDir)}.new`, `${JSON.stringify(value, null, 2)}\n`);
  renameSync(`${knownFile(dataDir)}.new`, knownFile(dataDir));
}

const knownFile = (dataDir: string): string => join(dataDir, 'demo-cameras.json');
const portFile = (dataDir: string): string => join(dataDir, 'demo-cameras.port');
