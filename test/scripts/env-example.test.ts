import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readConfig } from '../../config.ts';

const file = readFileSync('.env.example', 'utf8');
const lines = file.split('\n');
const settings = Object.fromEntries(
  lines.flatMap((line) => {
    const match = /^(\w+)=(.*)$/.exec(line);
    return match === null ? [] : [[match[1] ?? '', match[2] ?? '']];
  }),
);

test('.env.example has every setting, and no other', () => {
  const known = [...readFileSync('settings.ts', 'utf8').matchAll(/^ {4}(FRAMEKEEP_\w+):/gm)].map((match) => match[1]);
  expect(known.length).toBeGreaterThan(30);
  expect(new Set(Object.keys(settings))).toEqual(new Set([...known, 'POSTGRES_PASSWORD']));
});

test('its values are the defaults', () => {
  expect(readConfig(settings)).toEqual(readConfig({}));
});

test('each setting has a line that says what it means', () => {
  const bare = lines.filter((line, index) => /^\w+=/.test(line) && !/^# \S.{9,}/.test(lines[index - 1] ?? ''));
  expect(bare).toEqual([]);
});
