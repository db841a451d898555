/** What can be written in canonical form: no fractions, since they print in more than one way. */
export type Canonical =
  | string
  | number
  | boolean
  | null
  | readonly Canonical[]
  | { readonly [name: string]: Canonical };

/**
 * The one text of a value: names in code-unit order, no spaces (RFC 8785 for values without fractions). Signatures and
 * hashes are over this text, so that a file may be reformatted on its way.
 * @throws RangeError for a number that is not a safe integer
 */
export function canonicalJson(value: Canonical): string {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new RangeError(`not a safe integer: ${value}`);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`).join(',')}}`;
}

/** Whether parsed JSON can be written in canonical form. */
export function isCanonical(value: unknown): value is Canonical {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (value === null) return true;
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean';
  return Object.values(value).every(isCanonical);
}

function isList(value: Canonical): value is readonly Canonical[] {
  return Array.isArray(value);
}
