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

/** The steps under way, by when they began: several run side by side. */
const underWay = new Map();
const secondsSince = (startMs) => `${((Date.now() - startMs) / 1000).toFixed(0)} s`;

/** On a terminal, one line for all that is under way. */
function showUnderWay() {
  const each = [...underWay].map(([title, startMs]) => `${title} ... ${secondsSince(startMs)}`);
  process.stdout.write(`\r\x1b[2K  · ${each.join(', ')}`.slice(0, process.stdout.columns));
}

/** Runs one step under a line that says what is done and how long it took. */
export async function step(title, work) {
  steps += 1;
  const startMs = Date.now();
  const terminal = process.stdout.isTTY === true;
  if (!terminal) process.stdout.write(`  · ${title} ...\n`);
  underWay.set(title, startMs);
  const timer = terminal ? setInterval(showUnderWay, 200) : undefined;
  const end = (mark) => {
    clearInterval(timer);
    underWay.delete(title);
    process.stdout.write(`${terminal ? '\r\x1b[2K' : ''}  ${mark} ${title}  ${secondsSince(startMs)}\n`);
  };
  try {
    const result = await work();
    end('✓');
    return result;
  } catch (error) {
    end('✗');
    throw error;
  }
}

/** Does this at the same time, to the end of all. @throws the first failure, in the order of the list */
export async function sideBySide(...works) {
  const outcomes = await Promise.allSettled(works.map((work) => work()));
  const failed = outcomes.find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

let lastInLog;

/**
 * Runs a program to its end; what it prints goes to .cache/setup.log.
 * @returns its exit code and what it printed that says why
 */
export function run(command, args, options = {}) {
  const line = `$ ${command} ${args.join(' ')}`;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
      ...options,
    });
    let printed = '';
    const keep = (data) => {
      if (lastInLog !== child) log(`\n${line}\n`); // again where another one has printed meanwhile
      lastInLog = child;
      log(data);
      printed = (printed + data).slice(-4000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    keep('');
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
