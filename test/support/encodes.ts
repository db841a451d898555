import { readdirSync, readFileSync } from 'node:fs';

/** The ffmpegs that make finals with x264 as children of these processes. */
export function encodesOf(parents: ReadonlySet<number>): number[] {
  return readdirSync('/proc')
    .filter((name) => {
      if (!/^\d+$/.test(name)) return false;
      try {
        const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1];
        const words = readFileSync(`/proc/${name}/cmdline`, 'utf8');
        return parents.has(Number(parent)) && words.includes('libx264') && words.endsWith('.mp4\0');
      } catch {
        return false; // it has ended while we looked
      }
    })
    .map(Number);
}
