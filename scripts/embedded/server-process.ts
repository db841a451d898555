import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunAs } from './unprivileged-user.ts';
import { startTicksOf, type ProcessRecord, type StopStep } from './process-record.ts';

export interface ServerProcess {
  pid: number;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Undefined while it runs. */
  exit(): { code: number | null; signal: NodeJS.Signals | null } | undefined;
  /** Climbs the ladder of `stopSteps` (or another one) until the process has ended; KILL is always the last rung. */
  stop: (steps?: StopStep[]) => Promise<void>;
  /** The end of what it printed, for a message. */
  lastLines(count: number): string;
}

export interface ServerProcessOptions {
  name: string;
  command: string;
  args: string[];
  logPath: string;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  runAs?: RunAs;
  stopSteps: [StopStep, ...StopStep[]];
  record?: ProcessRecord | undefined;
}

/** A server that can be started again where it was. */
export interface EmbeddedServer {
  pid: number;
  ports: number[];
  exited: Promise<unknown>;
  stop: () => Promise<void>;
}

/**
 * Starts a program that outlives a crash of this one: it writes to a file of its own, so no pipe can break, and it
 * leads its own process group, so a Ctrl-C on the terminal does not reach it before its turn.
 * @throws when the program cannot be run
 */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const log = openSync(options.logPath, 'a', 0o600);
  const logStart = fstatSync(log).size;
  const [command = options.command, ...args] = [...(options.runAs?.prefix ?? []), options.command, ...options.args];
  const user = options.runAs?.user;
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', log, log],
    detached: true,
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  });
  closeSync(log);
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => resolve(child.pid ?? 0));
  });
  options.record?.add(options.name, pid, options.stopSteps[0]);
  let exit: { code: number | null; signal: NodeJS.Signals | null } | undefined;
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => {
      exit = { code, signal };
      options.record?.remove(pid);
      resolve(exit);
    });
  });
  return {
    pid,
    exited,
    exit: () => exit,
    stop: async (steps = options.stopSteps) => {
      for (const step of steps) {
        if (exit !== undefined) return;
        child.kill(step.signal);
        await Promise.race([exited, sleep(step.waitMs, undefined, { ref: false })]);
      }
      if (exit === undefined && startTicksOf(pid) !== undefined) child.kill('SIGKILL');
      await exited;
    },
    lastLines: (count) => {
      const whole = readFileSync(options.logPath);
      // Shorter than it was: it has been emptied meanwhile.
      const printed = whole.length < logStart ? whole : whole.subarray(logStart);
      return printed.toString('utf8').trimEnd().split('\n').slice(-count).join('\n');
    },
  };
}

/**
 * Waits until `look` says that the server answers.
 * @throws when the process has ended or the deadline has passed; the message ends with what the server printed last
 */
export async function untilReady(
  name: string,
  server: ServerProcess,
  timeoutMs: number,
  look: () => Promise<boolean>,
): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs;
  for (;;) {
    if (server.exit() !== undefined) throw new Error(`${name} ended while starting:\n${server.lastLines(8)}`);
    if (await look()) return;
    if (Date.now() > deadlineMs) {
      throw new Error(`${name} did not answer within ${timeoutMs / 1000} s:\n${server.lastLines(8)}`);
    }
    await sleep(50);
  }
}
