// What setup says while it works. Silent about what was there already.
import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from './tools.mjs';

const logPath = join(cacheDir, 'setup.log');

/** A reason to stop that a person can act on: printed without a stack. */
export class SetupProblem extends Error {}

let steps = 0;
let logOpen = false;

/** Each run of setup has its own log. */
function log(text) {
  if (!logOpen) {
    mkdirSync(cacheDir, { recursive: true });
    rmSync(logPath, { force: true });
    logOpen = true;
  }
  appendFileSync(logPath, text);
}

/** How many steps had something to do. */
export const stepsDone = () => steps;

/** Runs one step under a line that says what is done and how long it took. */
export async function step(title, work) {
  steps += 1;
  const startMs = Date.now();
  const seconds = () => `${((Date.now() - startMs) / 1000).toFixed(0)} s`;
  const terminal = process.stdout.isTTY === true;
  const show = (mark, rest) => `  ${mark} ${title}${rest}`;
  if (!terminal) process.stdout.write(`${show('·', ' ...')}\n`);
  const timer = terminal
    ? setInterval(() => process.stdout.write(`\r\x1b[2K${show('·', ` ... ${seconds()}`)}`), 200)
    : undefined;
  const end = (mark) => process.stdout.write(`${terminal ? '\r\x1b[2K' : ''}${show(mark, `  ${seconds()}`)}\n`);
  try {
    const result = await work();
    end('✓');
    return result;
  } catch (error) {
    end('✗');
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/**
 * Runs a program to its end; what it prints goes to .cache/setup.log.
 * @returns its exit code and what it printed that says why
 */
export function run(command, args, options = {}) {
  log(`\n$ ${command} ${args.join(' ')}\n`);
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
      ...options,
    });
    let printed = '';
    const keep = (data) => {
      log(data);
      printed = (printed + data).slice(-4000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => resolve({ code: 127, tail: error.message }));
    child.once('close', (code) => resolve({ code: code ?? 1, tail: reasonIn(printed, 8) }));
  });
}

/** Where to read more, for a message, when anything was done. */
export function logHint() {
  return logOpen ? `The whole output is in ${logPath}.` : '';
}

/** What says why: from the first line that names an error, or else the last lines. */
function reasonIn(printed, count) {
  const lines = printed.trimEnd().split('\n');
  const first = lines.findIndex((line) => /\berror\b|^E:/i.test(line));
  const shown = first === -1 ? lines.slice(-count) : lines.slice(first, first + count);
  return shown.map((line) => `    ${line}`).join('\n');
}
