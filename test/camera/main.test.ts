import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { connectRtsp } from './rtsp-client.ts';

const entry = fileURLToPath(new URL('../support/camera/main.ts', import.meta.url));
const ready = z.object({ cameras: z.array(z.object({ name: z.string(), url: z.string(), port: z.number() })) });

it('runs cameras in a process of their own, obeys on stdin and ends with it', async () => {
  const stream = '{"width":320,"height":180,"frames":60}';
  const args = ['--import', 'tsx', entry, '--count', '2', '--login', 'viewer:a b', '--control', '--stream', stream];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<unknown> => JSON.parse(String((await lines.next()).value));
  const ask = (command: object): Promise<unknown> => {
    child.stdin.write(`${JSON.stringify(command)}\n`);
    return nextLine();
  };

  const { cameras } = ready.parse(await nextLine());
  expect(cameras.map(({ name }) => name)).toEqual(['Main gate', 'Car park']);
  expect(cameras[1]?.url).toBe(`rtsp://viewer:a%20b@127.0.0.1:${cameras[1]?.port}/stream`);
  const client = await connectRtsp(cameras[1]?.port ?? 0);
  expect((await client.request('DESCRIBE', `rtsp://127.0.0.1:${cameras[1]?.port}/stream`)).status).toBe(401);
  expect(await ask({ camera: 1, call: 'accepted' })).toEqual({ result: 1 });
  expect(await ask({ camera: 0, call: 'accepted' })).toEqual({ result: 0 });
  expect(await ask({ camera: 1, call: 'dropAll', by: 'rst' })).toEqual({ result: 1 });
  await client.closed;
  expect(await ask({ camera: 7, call: 'stall' })).toEqual({ error: 'Error: there is no camera 7' });
  child.stdin.end();
  expect(await exited).toBe(0);
});
