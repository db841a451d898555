import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessRecord, StopStep } from '../embedded/process-record.ts';
import { startServerProcess, type ServerProcess } from '../embedded/server-process.ts';
import { projectDir } from '../setup/tools.mjs';
import { createPause } from './pause.ts';
import { boundLog, followLog } from './log-file.ts';
import { lastError, readLogLine } from './log-line.ts';
import type { Terminal } from './terminal.ts';

/** The same warning is shown once in this time; the log has them all. */
const repeatMs = 60_000;

/** A process of framekeep itself that is kept running. */
export interface Child {
  /** Resolves when it logs this message for the first time; rejects when it ends instead, with what it printed last. */
  said(message: string): Promise<void>;
  /** Rejects when it ends by itself before it is settled. */
  ended: Promise<never>;
  stop: (steps?: StopStep[]) => Promise<void>;
}

export interface ChildOptions {
  name: string;
  /** The script, below the project's folder, and its arguments: never a secret. */
  command: string[];
  environment: NodeJS.ProcessEnv;
  logsDir: string;
  stopSteps: [StopStep, ...StopStep[]];
  record: ProcessRecord;
  terminal: Terminal;
}

/** Starts a script of ours and starts it again whenever it ends by itself; its warnings and errors are shown. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, terminal } = options;
  const logPath = join(options.logsDir, `${name}.log`);
  boundLog(logPath);
  const shownAtMs = new Map<string, number>();
  const heard = new Map<string, () => void>();
  const stopFollowing = followLog(logPath, (text) => {
    const line = readLogLine(text);
    if (line === null) return;
    heard.get(line.message)?.();
    if (line.level === 'info' || Date.now() - (shownAtMs.get(line.message) ?? 0) < repeatMs) return;
    shownAtMs.set(line.message, Date.now());
    terminal.warn(`${name}: ${line.message}`);
  });
  const start = (): Promise<ServerProcess> =>
    startServerProcess({
      name,
      command: process.execPath,
      args: ['--enable-source-maps', ...options.command],
      cwd: projectDir,
      env: options.environment,
      logPath,
      stopSteps: options.stopSteps,
      record: options.record,
    });

  let current = await start();
  const stopping = new AbortController();
  let fail: (error: Error) => void = () => undefined;
  const ended = new Promise<never>((_resolve, reject) => (fail = reject));
  ended.catch(() => undefined); // after the start nobody waits for it

  const keepRunning = async (): Promise<void> => {
    const pause = createPause();
    for (;;) {
      const { code, signal } = await current.exited;
      if (stopping.signal.aborted) return;
      // What was logged last is no cause where a signal came from outside.
      const why = signal === null ? lastError(current.lastLines(40)) : `it was sent ${signal}`;
      fail(new Error(`${name} ended while starting: ${why}\nIts log is ${logPath}.`));
      const ms = pause.next();
      terminal.warn(
        `${name} ended${code === null ? '' : ` (code ${code})`} and starts again in ${ms / 1000} s: ${why}`,
      );
      await sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      current = await start();
      if (stopping.signal.aborted) await current.stop();
    }
  };
  const kept = keepRunning();

  return {
    said: (message) => Promise.race([new Promise<void>((resolve) => heard.set(message, resolve)), ended]),
    ended,
    stop: async (steps) => {
      stopping.abort();
      await current.stop(steps);
      await kept;
      stopFollowing();
    },
  };
}
