import { closeSync, copyFileSync, existsSync, openSync, readSync, statSync, truncateSync } from 'node:fs';

/** The log and the one before it: 2 x 20 MB a process, days of a healthy system. */
const maxBytes = 20_000_000;
const tailEveryMs = 250;

/** Keeps a log that another process appends to within bounds: past them it is copied to `<path>.1` and emptied. */
export function boundLog(path: string): void {
  if (!existsSync(path) || statSync(path).size <= maxBytes) return;
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
}

/**
 * Follows a log from its present end on, line by line. Reading the file, rather than a pipe, lets the process that
 * writes it go on when we are killed.
 * @returns stops, after a last look
 */
export function followLog(path: string, onLine: (line: string) => void): () => void {
  let offset = existsSync(path) ? statSync(path).size : 0;
  let rest = '';
  let looks = 0;
  const look = (): void => {
    // Once a minute is often enough for the bound.
    if (looks % 240 === 239) boundLog(path);
    looks += 1;
    const size = existsSync(path) ? statSync(path).size : 0;
    if (size < offset) offset = 0;
    if (size === offset) return;
    const buffer = Buffer.alloc(size - offset);
    const file = openSync(path, 'r');
    const bytes = readSync(file, buffer, 0, buffer.length, offset);
    closeSync(file);
    offset += bytes;
    const lines = (rest + buffer.toString('utf8', 0, bytes)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  };
  const timer = setInterval(look, tailEveryMs);
  return () => {
    clearInterval(timer);
    look();
  };
}
