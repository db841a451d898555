import { readFileSync } from 'node:fs';

const lookEveryMs = 500;

/**
 * Calls `onGone` when npm, which has started us, has been killed: it hands on other signals, but not that one.
 * Between npm and us there may be a shell, which lives on without it.
 */
export function watchNpm(onGone: () => void): void {
  const shell = process.ppid;
  const npm = parentOf(shell);
  const timer = setInterval(() => {
    if (process.ppid === shell && parentOf(shell) === npm) return;
    clearInterval(timer);
    onGone();
  }, lookEveryMs);
  timer.unref();
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined; // it has ended
  }
}
