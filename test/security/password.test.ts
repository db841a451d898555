import { expect, test } from 'vitest';
import { hashPassword, verifyPassword } from '../../security/password.ts';
import { newToken, sha256 } from '../../security/tokens.ts';

test('a password is known again and no other is', async () => {
  const hash = await hashPassword('correct horse');
  expect(await verifyPassword('correct horse', hash)).toBe(true);
  expect(await verifyPassword('correct horse ', hash)).toBe(false);
  expect(await verifyPassword('', hash)).toBe(false);
  expect(await hashPassword('correct horse')).not.toBe(hash);
  expect(hash).not.toContain('correct');
});

test('the hash carries its cost, so that the cost can be raised later', async () => {
  const cheap = 'scrypt$1024$8$1$c2FsdHNhbHRzYWx0c2FsdA$';
  const { scryptSync } = await import('node:crypto');
  const hash = scryptSync('old one', Buffer.from('c2FsdHNhbHRzYWx0c2FsdA', 'base64url'), 32, { N: 1024, r: 8, p: 1 });
  expect(await verifyPassword('old one', cheap + hash.toString('base64url'))).toBe(true);
  expect(await verifyPassword('new one', cheap + hash.toString('base64url'))).toBe(false);
});

test('the same letters typed composed and decomposed are one password', async () => {
  expect(await verifyPassword('gu\u0308nes\u0327', await hashPassword('g\u00fcne\u015f'))).toBe(true);
});

test('without an account every password is wrong', async () => {
  expect(await verifyPassword('anything', null)).toBe(false);
  expect(await verifyPassword('anything', '')).toBe(false);
  expect(await verifyPassword('anything', 'plain$anything')).toBe(false);
});

test('tokens are long, random and stored as hashes', () => {
  const tokens = new Set(Array.from({ length: 1000 }, newToken));
  expect(tokens.size).toBe(1000);
  for (const token of tokens) expect(token).toMatch(/^fk_[\w-]{43}$/);
  const [token = ''] = tokens;
  expect(sha256(token)).toHaveLength(32);
  expect(sha256(token)).toEqual(sha256(token));
});
