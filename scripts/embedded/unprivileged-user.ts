import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** How to start a program that must not be root. */
export interface RunAs {
  /** Whom its files must belong to; undefined = us. */
  owner?: { uid: number; gid: number };
  /** The user to change to while starting it. */
  user?: { uid: number; gid: number };
  /** A program that changes the user instead, and its arguments. */
  prefix: string[];
}

interface UnixUser {
  name: string;
  uid: number;
  gid: number;
}

/**
 * How Postgres is run: as we are, or, since it refuses root, as `nobody`, who has a name everywhere.
 * That user must get to the binaries and the data. Where a folder on the way is closed to it (a checkout below /root),
 * it gets the one capability to read past it, and no other.
 * @param paths what the program reads, absolute; their last parts may be missing
 * @throws with a sentence for a person when there is no way
 */
export function unprivileged(paths: string[]): RunAs {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const user = nobody();
  const closed = paths.map((path) => closedFolderOnTheWay(path, user)).find((folder) => folder !== undefined);
  if (closed === undefined) return { owner: user, user, prefix: [] };
  const capability = readingCapability();
  if (capability === undefined) {
    throw new Error(
      `Postgres cannot run as root, and the user "${user.name}", whom it runs as instead, may not enter ${closed}: ` +
        `run \`chmod o+x ${closed}\`, or start framekeep as another user, or in another folder.`,
    );
  }
  const only = [`--inh-caps=+${capability}`, `--ambient-caps=+${capability}`, `--bounding-set=-all,+${capability}`];
  // Postgres looks at its own files with access(2), which forgets capabilities unless told not to.
  const secureBits = '--securebits=+no_setuid_fixup';
  const as = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  return { owner: user, prefix: [setpriv, ...as, ...only, secureBits] };
}

const setpriv = '/usr/bin/setpriv';
/** Bits of the sets in /proc/self/status. Containers often keep the second alone. */
const reading = [
  { name: 'dac_read_search', bit: 2n },
  { name: 'dac_override', bit: 1n },
];
const setpcapBit = 8n;

function readingCapability(): string | undefined {
  const bits = BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`);
  const has = (bit: bigint): boolean => ((bits >> bit) & 1n) === 1n;
  if (!existsSync(setpriv) || !has(setpcapBit)) return undefined;
  return reading.find(({ bit }) => has(bit))?.name;
}

function nobody(): UnixUser {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((text) => text.startsWith('nobody:'));
  if (line === undefined) throw new Error('Postgres cannot run as root, and this machine has no user "nobody".');
  const [name = '', , uid, gid] = line.split(':');
  return { name, uid: Number(uid), gid: Number(gid) };
}

/** The outermost folder on the way to `path` that this user may not enter; undefined when the way is open. */
export function closedFolderOnTheWay(path: string, user: { uid: number; gid: number }): string | undefined {
  const closed: string[] = [];
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    if (existsSync(folder)) {
      const { mode, uid, gid } = statSync(folder);
      const enter = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
      if ((mode & enter) === 0) closed.push(folder);
    }
    if (folder === dirname(folder)) return closed.at(-1);
  }
}
