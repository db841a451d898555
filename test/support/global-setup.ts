import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions } from 'esbuild';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../db/migrate.ts';
import { createLogger } from '../../log.ts';
import { ensureDatabase, startPostgres } from '../../scripts/embedded/postgres.ts';
import { endRecorded, openProcessRecord, startTicksOf } from '../../scripts/embedded/process-record.ts';
import { startSeaweedfs } from '../../scripts/embedded/seaweedfs.ts';
import { startTemporal } from '../../scripts/embedded/temporal.ts';
import { buildPrograms, bundle } from '../../scripts/setup/programs.mjs';
import { cacheDir } from '../../scripts/setup/tools.mjs';
import { testProgramsDir } from './test-programs.ts';

/** What a test may ask for; each is started, or made, once a run, when the first test asks. */
export interface TestServers {
  postgres: { serverUrl: string; templateName: string };
  seaweedfs: { endpoint: string; accessKey: string; secretKey: string };
  temporal: { address: string };
  /** The workflows as they are now, in one file: webpack takes 3 s of CPU for it. */
  workflows: { codePath: string };
  /** The console as it is now, built. */
  console: { webDir: string };
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the broker that starts servers; see servers.ts. */
    serversUrl: string;
  }
}

/** With the packages in the same file it takes 0.25 s of CPU until it runs, not 0.55: there are no native ones in it. */
const withPackages: BuildOptions = {
  format: 'esm',
  packages: 'bundle',
  external: ['pg-native'], // never installed; asked for where somebody wants it
  banner: { js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);` },
};

/** Vitest calls this once before all test files, and what it returns once after them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // What tests start and kill by the hundred starts in a third of the time when it is built.
  await Promise.all([buildPrograms(), bundle(['test/recorder/recorder-process.ts'], testProgramsDir, withPackages)]);
  const records = join(cacheDir, 'test-runs');
  await endDeadRuns(records);
  const recordPath = join(records, `${process.pid}-${startTicksOf(process.pid)}.json`);
  const record = openProcessRecord(recordPath);
  const dir = mkdtempSync(join(tmpdir(), 'framekeep-test-'));
  chmodSync(dir, 0o711); // Postgres's user must get to its folder

  const starters: { [Name in keyof TestServers]: () => Promise<TestServers[Name]> } = {
    postgres: async () => {
      const password = randomBytes(12).toString('hex');
      const logPath = join(dir, 'postgres.log');
      const server = await startPostgres({ dir: join(dir, 'postgres'), logPath, password, durable: false, record });
      const templateName = 'template_framekeep';
      const url = await ensureDatabase(server.serverUrl, templateName);
      await migrate(url, createLogger({ level: 'warn', name: 'migrate' }));
      return { serverUrl: server.serverUrl, templateName };
    },
    seaweedfs: async () => {
      const keys = { accessKey: randomBytes(10).toString('hex'), secretKey: randomBytes(20).toString('hex') };
      const logPath = join(dir, 'seaweedfs.log');
      const server = await startSeaweedfs({ dir: join(dir, 'seaweedfs'), logPath, ...keys, durable: false, record });
      return { endpoint: server.endpoint, ...keys };
    },
    temporal: async () => {
      const logPath = join(dir, 'temporal.log');
      const server = await startTemporal({ dir: undefined, logPath, namespace: 'default', uiPort: false, record });
      return { address: server.address };
    },
    workflows: async () => ({ codePath: await bundleWorkflows(dir) }),
    console: async () => {
      const webDir = join(dir, 'web');
      const { build } = await import('vite');
      await build({ logLevel: 'error', build: { outDir: webDir, emptyOutDir: true } });
      return { webDir };
    },
  };
  const started = new Map<string, Promise<unknown>>();
  const broker = createServer((request, response) => {
    const name = (request.url ?? '/').slice(1) as keyof TestServers;
    const server = started.get(name) ?? starters[name]();
    started.set(name, server);
    server.then(
      (addresses) => response.end(JSON.stringify(addresses)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
  project.provide('serversUrl', `http://127.0.0.1:${(broker.address() as AddressInfo).port}`);

  return async () => {
    broker.close();
    broker.closeAllConnections();
    await Promise.allSettled(started.values());
    await endRecorded(recordPath);
    rmSync(dir, { recursive: true, force: true });
  };
}

/** @returns where it is, as a worker wants it */
async function bundleWorkflows(dir: string): Promise<string> {
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
  const codePath = join(dir, 'workflows.js');
  await writeFile(codePath, code);
  return codePath;
}

/** A run that was killed has left its servers: end them. */
async function endDeadRuns(records: string): Promise<void> {
  mkdirSync(records, { recursive: true });
  for (const name of readdirSync(records).filter((file) => file.endsWith('.json'))) {
    const [pid, startTicks] = name.replace('.json', '').split('-').map(Number);
    if (pid !== undefined && startTicksOf(pid) !== startTicks) await endRecorded(join(records, name));
  }
}
