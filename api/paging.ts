import type { z } from 'zod';
import { AppError } from '../errors.ts';

type Position = string | number | readonly number[];

/** A position in a list as an opaque text. */
function encodeCursor(position: Position): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** @throws AppError invalid-cursor for what `encodeCursor` did not make from a value of this schema */
export function decodeCursor<T>(cursor: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString('utf8')));
  if (!parsed.success) throw new AppError('invalid-cursor', 'The cursor is not the nextCursor of an earlier answer.');
  return parsed.data;
}

/**
 * One page out of `limit + 1` found items: the one too many only shows that there is a next page.
 * `positionOf` is the position after an item.
 */
export function toPage<Item, Shown>(
  found: Item[],
  limit: number,
  show: (item: Item) => Shown,
  positionOf: (item: Item) => Position,
): { items: Shown[]; nextCursor?: string } {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const more = found.length > limit && last !== undefined;
  return { items: items.map(show), ...(more && { nextCursor: encodeCursor(positionOf(last)) }) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no cursor of ours; the schema refuses it
  }
}
