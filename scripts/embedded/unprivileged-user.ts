import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

export interface UnixUser {
  name: string;
  uid: number;
  gid: number;
}

/** Postgres refuses to run as root, and wants a user that has a name. `nobody` has one everywhere. */
export function unprivilegedUser(): UnixUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((text) => text.startsWith('nobody:'));
  if (line === undefined) throw new Error('Postgres cannot run as root, and this machine has no user "nobody".');
  const [name = '', , uid, gid] = line.split(':');
  return { name, uid: Number(uid), gid: Number(gid) };
}

/** The nearest folder on the way to `path` that this user may not enter; undefined when the way is open. */
export function closedFolderOnTheWay(path: string, user: UnixUser): string | undefined {
  const closed: string[] = [];
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder);
    const enter = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & enter) === 0) closed.push(folder);
    if (folder === dirname(folder)) return closed.at(-1);
  }
}
