import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { descendantsOf, signalProcess } from './process-usage.ts';

/**
 * Has everything that a bench makes lie in one temporary folder, and makes Ctrl-C leave nothing: no server, no process,
 * no mounted disk. KEEP_TEST_DATA keeps the folder.
 */
export function workInOwnFolder(): void {
  const dir = mkdtempSync(join(tmpdir(), 'framekeep-bench-'));
  chmodSync(dir, 0o711); // Postgres's user must get to its folder in here
  process.env['TMPDIR'] = dir;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  process.on('exit', () => {
    for (const pid of descendantsOf(process.pid)) signalProcess(pid, 'SIGKILL');
    for (const path of mountsBelow(dir)) execFileSync('umount', ['-l', path]);
    // A killed server may write its last file meanwhile.
    if (process.env['KEEP_TEST_DATA'] === undefined) rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  });
}

function mountsBelow(dir: string): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1] ?? [])
    .filter((path) => path.startsWith(`${dir}/`));
}
