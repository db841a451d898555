import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { npmPackagesDiffer } from '../../scripts/setup/install.mjs';
import { findTool } from '../../scripts/setup/tools.mjs';

const dir = mkdtempSync(join(tmpdir(), 'framekeep-setup-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function setup(environment: Record<string, string> = {}): Promise<{ code: number; printed: string }> {
  const env = { ...process.env, ...environment };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['scripts/setup.mjs', '--test'], { env });
    return { code: 0, printed: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, printed: stdout + stderr };
  }
}

test('a setup with nothing to do says nothing and changes nothing', async () => {
  expect(await setup()).toMatchObject({ code: 0 });
  const built = ['dist/workflows.js', 'dist/web/index.html'];
  const times = built.map((path) => statSync(path).mtimeMs);
  expect(await setup()).toEqual({ code: 0, printed: '' });
  expect(built.map((path) => statSync(path).mtimeMs)).toEqual(times);
});

test('a setting that names no program is one clear sentence', async () => {
  const { code, printed } = await setup({ FRAMEKEEP_FFMPEG: '/nowhere/ffmpeg' });
  expect(code).toBe(1);
  expect(printed).toContain('FRAMEKEEP_FFMPEG is /nowhere/ffmpeg, but there is no such program.');
  expect(printed).not.toContain('    at ');
});

test('a tool is looked for in its setting, then on PATH', () => {
  const [given, onPath] = ['given', 'on-path'].map((name) => {
    const folder = join(dir, name);
    mkdirSync(folder);
    writeFileSync(join(folder, 'weed'), '#!/bin/sh\n');
    chmodSync(join(folder, 'weed'), 0o755);
    return folder;
  });
  expect(findTool('weed', { FRAMEKEEP_WEED: `${given}/weed`, PATH: onPath })).toBe(`${given}/weed`);
  expect(findTool('weed', { FRAMEKEEP_WEED: 'weed', PATH: onPath })).toBe(`${onPath}/weed`);
  expect(findTool('weed', { PATH: `/nowhere:${onPath}` })).toBe(`${onPath}/weed`);
  expect(() => findTool('weed', { FRAMEKEEP_WEED: `${given}/other`, PATH: onPath })).toThrow('no such program');
  chmodSync(`${onPath}/weed`, 0o644);
  expect(findTool('weed', { PATH: onPath })).not.toBe(`${onPath}/weed`);
});

test('npm packages are installed when there are none, or others than the lock says', () => {
  expect(npmPackagesDiffer(process.cwd())).toBe(false);
  const folder = join(dir, 'project');
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  const lock = (packages: object): string => JSON.stringify({ packages });
  const entry = (version: string, optional = false): object => ({ version, ...(optional ? { optional } : {}) });
  writeFileSync(
    join(folder, 'package-lock.json'),
    lock({ '': {}, 'node_modules/a': entry('1.0.0'), 'node_modules/other-system': entry('1.0.0', true) }),
  );
  expect(npmPackagesDiffer(folder)).toBe(true);
  const installed = join(folder, 'node_modules/.package-lock.json');
  writeFileSync(installed, lock({ 'node_modules/a': entry('1.0.0') }));
  expect(npmPackagesDiffer(folder)).toBe(false);
  writeFileSync(installed, lock({ 'node_modules/a': entry('1.0.1') }));
  expect(npmPackagesDiffer(folder)).toBe(true);
});

test('setup needs nothing but Node: it runs before any package is there', () => {
  for (const name of [
    'setup.mjs',
    'setup/tools.mjs',
    'setup/install.mjs',
    'setup/build.mjs',
    'setup/go.mjs',
    'setup/progress.mjs',
  ]) {
    const imports = [...readFileSync(join('scripts', name), 'utf8').matchAll(/from '([^']+)'/g)].map(
      (match) => match[1],
    );
    expect(imports.filter((from) => !/^(node:|\.\.?\/)/.test(from ?? ''))).toEqual([]);
  }
});
