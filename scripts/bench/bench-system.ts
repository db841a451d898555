import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createFramekeep } from '../../test/support/framekeep.ts';
import { freePorts } from '../embedded/free-ports.ts';
import { startOwnServers, type OwnServers, type ServerName } from './own-servers.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A whole framekeep on servers of its own, in a folder that goes with it. */
export interface BenchSystem {
  url: string;
  dir: string;
  databaseUrl: string;
  temporalAddress: string;
  s3: OwnServers['s3'];
  /** Process ids by part: postgres, s3, temporal. */
  pids: Record<ServerName, number>;
  start(name: string, roles: string, nodeArguments?: string[]): ChildProcess;
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  stop(): Promise<void>;
}

/** Starts the servers; the processes are the caller's to start. */
export async function startBenchSystem(settings: Record<string, string>): Promise<BenchSystem> {
  const servers = await startOwnServers('framekeep-bench-');
  const { dir, databaseUrl, s3 } = servers;
  const [port = 0] = await freePorts(1);
  const framekeep = createFramekeep({ dir, port, servers, environment: settings });
  const children: ChildProcess[] = [];
  return {
    url: framekeep.url,
    dir,
    databaseUrl,
    temporalAddress: servers.temporal.address,
    s3,
    pids: servers.pids(),
    start(name, roles, nodeArguments = []) {
      const { child } = framekeep.start(name, roles, { nodeArguments });
      children.push(child);
      return child;
    },
    call: (method, path, body) => framekeep.call(method, path, body),
    async stop() {
      await Promise.all(children.map(endProcess));
      await servers.stop();
    },
  };
}

/** SIGINT, so that recorders commit their last segment. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGINT');
  await Promise.race([exited, sleep(30_000).then(() => child.kill('SIGKILL'))]);
}

/** What `--kind bench` cameras repeat. */
export const benchLoop = { frames: 900, fps: 30 };

/** N cameras of 1080p30, 4 Mbit/s in a process of their own. */
export async function startBenchCameras(
  count: number,
): Promise<{ process: ChildProcess; cameras: { name: string; url: string }[] }> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'test/support/camera/main.ts', '--kind', 'bench', '--count', String(count)],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  for await (const line of createInterface({ input: child.stdout })) {
    return { process: child, ...(JSON.parse(line) as { cameras: { name: string; url: string }[] }) };
  }
  throw new Error('the simulated cameras did not start');
}

/** Asks until the answer is true; fails with `what` after the time. */
export async function until(what: string, isTrue: () => Promise<boolean>, withinMs = 120_000): Promise<void> {
  const deadlineMs = Date.now() + withinMs;
  while (!(await isTrue().catch(() => false))) {
    if (Date.now() > deadlineMs) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
    await sleep(200);
  }
}
