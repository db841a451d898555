import { expect, test } from 'vitest';
import { en } from '../../web/words/en.ts';
import { tr } from '../../web/words/tr.ts';

/** Every text of a dictionary, functions called with a marked variable. */
function textsOf(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value === 'function') return [[path, String(value('X1', 'X2', 'X3'))]];
  return Object.entries(value as object).flatMap(([key, part]) => textsOf(part, `${path}.${key}`));
}

test('Turkish puts no suffix on a variable', () => {
  for (const [path, text] of textsOf(tr)) expect(`${path}: ${text}`).not.toMatch(/X\d(?:\p{L}|['’])/u);
});

test('Turkish leaves nothing in English', () => {
  const english = new Map(textsOf(en));
  const same = textsOf(tr).filter(([path, text]) => english.get(path) === text && /\p{L}{3}/u.test(text));
  expect(same.map(([path]) => path)).toEqual(['.tierNormal']);
});
