import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { freePorts } from '../../scripts/embedded/free-ports.ts';
import { takeDataFolder } from '../../scripts/start/data-folder.ts';

const dir = mkdtempSync(join(tmpdir(), 'framekeep-start-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A start that is expected to end by itself. */
async function start(settings: Record<string, string>): Promise<{ code: number; error: string }> {
  const env = { ...process.env, FRAMEKEEP_DATA_DIR: join(dir, 'data'), ...settings };
  const args = ['--import', 'tsx', 'scripts/start.ts'];
  try {
    await promisify(execFile)(process.execPath, args, { env });
    return { code: 0, error: '' };
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return { code, error: stderr };
  }
}

test('wrong settings are listed all at once, and nothing is made', async () => {
  const { code, error } = await start({
    FRAMEKEEP_PORT: '70000',
    FRAMEKEEP_ROLES: 'api,cook',
    FRAMEKEEP_CAMERA_NETWORKS: '10.0.0.0/33',
    FRAMEKEEP_DATABASE_URL: 'postgres://db/framekeep',
    FRAMEKEEP_COLOUR: 'red',
  });
  expect(code).toBe(1);
  const wrong = ['PORT', 'ROLES', 'CAMERA_NETWORKS', 'SECRET_KEY', 'COLOUR'].map((name) => `FRAMEKEEP_${name}`);
  expect(wrong.filter((name) => !error.includes(`  ${name}: `))).toEqual([]);
  expect(error).not.toContain('    at ');
  expect(existsSync(join(dir, 'data'))).toBe(false);
});

test('a port in use is one clear sentence', async () => {
  const server = createServer();
  const [port = 0] = await freePorts(1);
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  try {
    const { code, error } = await start({ FRAMEKEEP_PORT: String(port) });
    expect(code).toBe(1);
    expect(error.trim()).toBe(`Port ${port} of 127.0.0.1 is in use or not allowed: set FRAMEKEEP_PORT to another one.`);
  } finally {
    server.close();
  }
});

test('a data folder serves one system at a time', async () => {
  const release = await takeDataFolder(dir, 'http://127.0.0.1:8080');
  try {
    const { code, error } = await start({ FRAMEKEEP_DATA_DIR: dir });
    expect(code).toBe(1);
    expect(error.trim()).toBe(
      `framekeep runs on ${dir} already (process ${process.pid}, console http://127.0.0.1:8080): ` +
        'stop it first, or start this one with other FRAMEKEEP_DATA_DIR and FRAMEKEEP_PORT.',
    );
  } finally {
    release();
  }
  (await takeDataFolder(dir, ''))();
});
