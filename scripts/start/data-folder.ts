import { createHash, randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

/** Makes the data folder. Only we may look into it; as root, Postgres's user must at least pass through. */
export function makeDataFolder(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
  mkdirSync(join(dir, 'logs'), { recursive: true, mode: 0o700 });
}

/** Releases the folder; the kernel does it when the process ends in any other way. */
export type Release = () => void;

/**
 * Takes the data folder for this process. The lock is a socket in the kernel's own name space, named after the
 * folder's inode: it can neither outlive the process nor be left over from a crash.
 * @throws when another framekeep runs on the folder; the message says where
 */
export async function takeDataFolder(dir: string, consoleUrl: string): Promise<Release> {
  const { dev, ino } = statSync(dir);
  const name = `\0framekeep-${createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 32)}`;
  const holder = JSON.stringify({ pid: process.pid, consoleUrl });
  const server = createServer((socket) => {
    socket.on('error', () => undefined); // who asked has gone
    socket.end(holder);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(name, () => resolve());
  }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    const { pid, consoleUrl: url } = await askHolder(name);
    throw new Error(
      `framekeep runs on ${dir} already (process ${pid}, console ${url}): ` +
        'stop it first, or start this one with other FRAMEKEEP_DATA_DIR and FRAMEKEEP_PORT.',
    );
  });
  server.unref();
  return () => server.close();
}

function askHolder(name: string): Promise<{ pid: number | string; consoleUrl: string }> {
  return new Promise((resolve) => {
    let text = '';
    const unknown = { pid: 'unknown', consoleUrl: 'unknown' };
    const socket = connect({ path: name });
    socket.setTimeout(2000, () => socket.destroy());
    socket.on('data', (data) => (text += data.toString()));
    socket.on('error', () => resolve(unknown));
    socket.on('close', () => resolve(text === '' ? unknown : (JSON.parse(text) as typeof unknown)));
  });
}

/**
 * A secret that is made once and kept in a file only we may read.
 * @returns 64 hexadecimal digits, or what the file holds
 */
export function keptSecret(path: string): string {
  if (!existsSync(path)) {
    const draft = `${path}.new`;
    rmSync(draft, { force: true });
    writeFileSync(draft, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flush: true });
    linkSync(draft, path); // whole or not at all
    rmSync(draft);
  }
  return readFileSync(path, 'utf8').trim();
}
