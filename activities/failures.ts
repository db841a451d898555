import { errorText } from '../errors.ts';
import type { Logger } from '../log.ts';

/** Pieces of work of which each has its turn, whatever happened to the others. */
export interface Failures {
  /** Does one piece. @returns what it came to; null when it failed, which is logged and kept for the end */
  attempt<Result>(piece: Record<string, unknown>, work: () => Promise<Result>): Promise<Result | null>;
  /** @throws Error what failed, and why the first of it, so that the whole is not taken for done */
  throwIfAny(): void;
}

/** @param what of which something fails, for a person: `certificates` */
export function createFailures(log: Logger, what: string): Failures {
  const failed: { piece: string; error: unknown }[] = [];
  return {
    async attempt(piece, work) {
      try {
        return await work();
      } catch (error) {
        failed.push({ piece: Object.values(piece).join(' '), error });
        log.error({ ...piece, err: error }, `one of the ${what} failed; the others go on`);
        return null;
      }
    },
    throwIfAny() {
      const [first] = failed;
      if (first === undefined) return;
      const text = `${failed.length} of the ${what} failed, the first: ${first.piece}: ${errorText(first.error)}`;
      throw new Error(text, { cause: first.error });
    },
  };
}
