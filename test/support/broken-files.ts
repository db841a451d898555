import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** What can be asked of a file by its path. */
const asked = ['stat', 'lstat', 'open', 'rename', 'rm', 'readdir', 'readFile', 'writeFile', 'mkdir'] as const;
type Asked = (typeof asked)[number];
/** @param to the second argument: of a rename its target */
type At = (path: string, to: string) => boolean;

const real = { ...fs.promises };
const broken: { at: At; calls: readonly Asked[]; errno: number; code: string }[] = [];

/** EBADMSG: what Linux says of an inode whose checksum is wrong. Node has no name for it. */
const badInode = { errno: -74, code: 'Unknown system error -74' };

/**
 * This process finds files broken whose path matches, as of a damaged inode: each of the calls fails. All else about the
 * file system is real. @returns makes them whole again
 */
export function breakFiles(at: At, calls: readonly Asked[] = asked, { errno, code } = badInode): () => void {
  for (const name of asked) Reflect.set(fs.promises, name, failing(name));
  syncBuiltinESMExports();
  const one = { at, calls, errno, code };
  broken.push(one);
  return () => {
    broken.splice(broken.indexOf(one), 1);
    if (broken.length > 0) return;
    for (const name of asked) Reflect.set(fs.promises, name, real[name]);
    syncBuiltinESMExports();
  };
}

function failing(name: Asked): (...of: unknown[]) => Promise<unknown> {
  return async (...of) => {
    const found = broken.find(({ at, calls }) => calls.includes(name) && at(String(of[0]), String(of[1])));
    if (found === undefined) return (real[name] as (...of: unknown[]) => Promise<unknown>)(...of);
    const { errno, code } = found;
    throw Object.assign(new Error(`${code}: ${name} '${String(of[0])}'`), { errno, code, syscall: name });
  };
}
