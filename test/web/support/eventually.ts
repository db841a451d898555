import { expect } from 'vitest';

/** `expect.poll` with the patience a busy machine needs; its own is a second. */
export function eventually<T>(look: () => T): ReturnType<typeof expect.poll<T>> {
  return expect.poll(look, { timeout: 20_000, interval: 50 });
}
