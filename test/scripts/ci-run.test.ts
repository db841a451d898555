import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const dir = mkdtempSync(join(tmpdir(), 'framekeep-ci-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
mkdirSync(join(dir, '.ci'));
mkdirSync(join(dir, '.cache'));
mkdirSync(join(dir, 'bin'));
cpSync('.ci/run', join(dir, '.ci/run'));

/** Runs .ci/run where `npm test` leaves these results and exits so. */
function ciRun(status: number, results: object | null): { status: number | null; last: string | undefined } {
  const leave = results === null ? '' : `cat > .cache/test-results.json <<'END'\n${JSON.stringify(results)}\nEND\n`;
  writeFileSync(join(dir, 'bin/npm'), `#!/bin/sh\necho checking\n${leave}exit ${status}\n`, { mode: 0o755 });
  const env = { ...process.env, PATH: `${join(dir, 'bin')}:${process.env['PATH']}` };
  const run = spawnSync(join(dir, '.ci/run'), { encoding: 'utf8', env });
  return { status: run.status, last: run.stdout.trimEnd().split('\n').at(-1) };
}

const file = (status: string, tests: string[]): object => ({
  status,
  assertionResults: tests.map((each) => ({ status: each })),
});

test('the tests are counted', () => {
  const results = { numPassedTests: 2, numFailedTests: 0, testResults: [file('passed', ['passed', 'passed'])] };
  expect(ciRun(0, results)).toEqual({ status: 0, last: '2 passed, 0 failed' });
});

test('a failed test is a failure', () => {
  const results = { numPassedTests: 1, numFailedTests: 1, testResults: [file('failed', ['passed', 'failed'])] };
  expect(ciRun(1, results)).toEqual({ status: 1, last: '1 passed, 1 failed' });
});

test('a file that fails before its tests is a failure', () => {
  const results = {
    numPassedTests: 1,
    numFailedTests: 0,
    testResults: [file('passed', ['passed']), file('failed', [])],
  };
  expect(ciRun(1, results)).toEqual({ status: 1, last: '1 passed, 1 failed' });
});

test('checks that fail before any test are a failure, whatever an earlier run has left', () => {
  writeFileSync(join(dir, '.cache/test-results.json'), JSON.stringify({ numPassedTests: 9, numFailedTests: 0 }));
  expect(ciRun(2, null)).toEqual({ status: 1, last: '0 passed, 1 failed' });
});

test('a run that fails after its tests, as with an unhandled error, is a failure', () => {
  const results = { numPassedTests: 2, numFailedTests: 0, testResults: [file('passed', ['passed', 'passed'])] };
  expect(ciRun(1, results)).toEqual({ status: 1, last: '2 passed, 1 failed' });
});
