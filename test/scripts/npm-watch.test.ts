import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';

/** Stands for npm: starts a shell, which starts us, and stays. */
const npm = `
  const { spawn } = require('node:child_process');
  spawn('sh', ['-c', '"$0" --import tsx --input-type=module --eval "$1"; true', process.execPath, process.argv[1]],
    { stdio: 'inherit' });
`;
const us = `
  import { watchNpm } from '${resolve('scripts/start/npm-watch.ts')}';
  const alive = setInterval(() => undefined, 1000);
  watchNpm(() => { console.log('gone'); clearInterval(alive); });
  console.log('watching');
`;

test('a killed npm is noticed, though the shell between lives on', async () => {
  const process_ = spawn(process.execPath, ['--eval', npm, us], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(process_.stdout);
  expect(await once(lines, 'line')).toEqual(['watching']);
  process_.kill('SIGKILL');
  expect(await once(lines, 'line')).toEqual(['gone']);
});
