import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process as this machine knows it: a pid alone may belong to somebody else by now. */
interface RecordedProcess {
  name: string;
  pid: number;
  /** Clock ticks from boot to the process's start: /proc/<pid>/stat, field 22. */
  startTicks: number;
  /** How it is asked to stop, and how long it may take before it is killed. */
  stop: StopStep;
}

/** One rung of a stop: the signal, and how long to wait for the end before the next. */
export interface StopStep {
  signal: NodeJS.Signals;
  waitMs: number;
}

interface Recorded {
  bootId: string;
  processes: RecordedProcess[];
}

/** What this program has started and not yet seen end, in a file that outlives it. */
export interface ProcessRecord {
  add(name: string, pid: number, stop: StopStep): void;
  remove(pid: number): void;
}

/** Opens the record anew; what stood in it is gone, so call `endRecorded` first. */
export function openProcessRecord(path: string): ProcessRecord {
  const processes = new Map<number, RecordedProcess>();
  const write = (): void => {
    const recorded: Recorded = { bootId: bootId(), processes: [...processes.values()] };
    writeFileSync(`${path}.new`, `${JSON.stringify(recorded, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  };
  write();
  return {
    add: (name, pid, stop) => {
      const startTicks = statOf(pid)?.startTicks;
      if (startTicks === undefined) return; // it has ended already
      processes.set(pid, { name, pid, startTicks, stop });
      write();
    },
    remove: (pid) => {
      // The record goes with its folder: a process that ends after that has nothing to be taken from.
      if (processes.delete(pid) && existsSync(dirname(path))) write();
    },
  };
}

/**
 * Ends what a killed run has left running, in the order in which a stop ends it: last started, first ended.
 * Each process leads its own group, so what it has started in turn goes with it.
 * @param how `stop` asks each and waits; `kill` is for what need not save anything
 * @returns the names of those that were still there
 */
export async function endRecorded(path: string, how: 'stop' | 'kill' = 'stop'): Promise<string[]> {
  const ended: string[] = [];
  for (const recorded of readRecord(path).toReversed()) {
    const members = (): number[] => groupMembers(recorded);
    if (members().length === 0) continue;
    ended.push(recorded.name);
    if (how === 'stop') signal(members(), recorded.stop.signal);
    const deadlineMs = Date.now() + recorded.stop.waitMs;
    while (how === 'stop' && members().length > 0 && Date.now() < deadlineMs) await sleep(20);
    signal(members(), 'SIGKILL');
    while (members().length > 0) await sleep(5);
  }
  rmSync(path, { force: true });
  return ended;
}

/** Clock ticks from boot to the start of a live process; undefined when there is none (or only its zombie). */
export function startTicksOf(pid: number): number | undefined {
  return statOf(pid)?.startTicks;
}

function readRecord(path: string): RecordedProcess[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return []; // no run before this one
  }
  const recorded = JSON.parse(text) as Recorded;
  return recorded.bootId === bootId() ? recorded.processes : [];
}

/** The live processes of a recorded group: its leader, or what is left of it after the leader has ended. */
function groupMembers(recorded: RecordedProcess): number[] {
  const leader = statOf(recorded.pid);
  if (leader !== undefined && leader.startTicks !== recorded.startTicks) return []; // the pid is somebody else's now
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const stat = statOf(pid);
      return stat !== undefined && stat.group === recorded.pid && stat.startTicks >= recorded.startTicks;
    });
}

function statOf(pid: number): { group: number; startTicks: number } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may hold anything; the fields after it are numbered from 3.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { group: Number(fields[2]), startTicks: Number(fields[19]) };
}

function signal(pids: number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It ended between the look and the signal.
    }
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
