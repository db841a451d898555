import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** Clock ticks a second of /proc's times: 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** What processes have used up to now. */
export interface Usage {
  cpuSeconds: number;
  /** Proportional set size: shared pages are counted once over all processes. */
  pssBytes: number;
}

/** CPU time and memory of these processes. One that has ended counts as nothing. */
export function usageOf(pids: readonly number[]): Usage {
  return pids.reduce<Usage>(
    (sum, pid) => ({ cpuSeconds: sum.cpuSeconds + cpuSecondsOf(pid), pssBytes: sum.pssBytes + pssBytesOf(pid) }),
    { cpuSeconds: 0, pssBytes: 0 },
  );
}

/** The processes that descend from this one. */
export function descendantsOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const parent = Number(statFields(Number(name))?.[1] ?? 0);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found: number[] = [];
  const queue = [pid];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const own = children.get(next) ?? [];
    found.push(...own);
    queue.push(...own);
  }
  return found;
}

/**
 * Sends a signal to a process, or to the group of one (below 0). One that has ended already is no failure.
 * @throws where it may not be sent
 */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The local ports of a process's TCP sockets (IPv4), those that connect just now too; none of one that has ended. */
export function localPortsOf(pid: number): Set<number> {
  const ports = new Set<number>();
  try {
    const fds = readdirSync(`/proc/${pid}/fd`);
    const inodes = new Set(fds.map((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1]));
    for (const line of readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n').slice(1)) {
      const [, local, , , , , , , , inode] = line.trim().split(/\s+/);
      if (inode !== undefined && inodes.has(inode)) ports.add(Number.parseInt(local?.split(':')[1] ?? '', 16));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return ports;
}

/** Empty for what was closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Fields of /proc/<pid>/stat from the third on: the second may hold spaces. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function cpuSecondsOf(pid: number): number {
  const fields = statFields(pid);
  return (Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0)) / ticksPerSecond;
}

function pssBytesOf(pid: number): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
