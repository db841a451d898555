import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AppError } from '../../errors.ts';
import { createLinkSigner } from '../../security/links.ts';
import { createPortTokens } from '../../security/port-token.ts';
import { newUuid, uuidBytes, uuidText } from '../../security/uuid.ts';

const signer = createLinkSigner('s'.repeat(32));
const nowMs = Date.UTC(2026, 10, 24, 12);
const claims = {
  tenantId: newUuid(nowMs),
  cameraId: newUuid(nowMs),
  fromMs: nowMs - 3_600_123,
  toMs: nowMs,
  expiresAtMs: nowMs + 60_000,
};

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'none';
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
}

test('a link carries its claims in a short path piece', () => {
  const instant = fc.integer({ min: 0, max: 2 ** 45 });
  fc.assert(
    fc.property(instant, instant, instant, (fromMs, toMs, expiresAtMs) => {
      const given = { ...claims, fromMs, toMs, expiresAtMs };
      const token = signer.sign(given);
      expect(token).toMatch(/^[\w-]{1,119}$/);
      const read = signer.verify(token, expiresAtMs - 1);
      expect(read).toEqual({ ...given, expiresAtMs: Math.ceil(expiresAtMs / 1000) * 1000 });
    }),
  );
});

test('a link expires', () => {
  const token = signer.sign(claims);
  expect(codeOf(() => signer.verify(token, claims.expiresAtMs - 1))).toBe('none');
  expect(codeOf(() => signer.verify(token, claims.expiresAtMs))).toBe('link-expired');
});

test('no changed link is valid, nor another spelling of a valid one', () => {
  const token = signer.sign(claims);
  for (let i = 0; i < token.length; i += 1) {
    for (const letter of ['A', 'B', 'z', '_', '+']) {
      if (token[i] === letter) continue;
      const changed = token.slice(0, i) + letter + token.slice(i + 1);
      expect(codeOf(() => signer.verify(changed, nowMs))).toBe('link-invalid');
    }
  }
  for (const wrong of ['', token.slice(1), token.slice(0, -1), `${token}=`, `${token}A`, token + token]) {
    expect(codeOf(() => signer.verify(wrong, nowMs))).toBe('link-invalid');
  }
});

test('a link of another installation is invalid', () => {
  expect(codeOf(() => signer.verify(createLinkSigner('t'.repeat(32)).sign(claims), nowMs))).toBe('link-invalid');
});

test('a token for the internal port is good for one host and one minute', () => {
  const tokens = createPortTokens('s'.repeat(32));
  const host = newUuid(nowMs);
  const token = tokens.sign(host, nowMs);
  expect(tokens.verify(token, host, nowMs)).toBe(true);
  expect(tokens.verify(token, host, nowMs + 59_999)).toBe(true);
  expect(tokens.verify(token, host, nowMs + 60_000)).toBe(false);
  expect(tokens.verify(token, newUuid(nowMs), nowMs)).toBe(false);
  expect(tokens.verify(token.slice(1), host, nowMs)).toBe(false);
  expect(tokens.verify('', host, nowMs)).toBe(false);
  expect(createPortTokens('t'.repeat(32)).verify(token, host, nowMs)).toBe(false);
  expect(tokens.verify(tokens.sign(host, nowMs + 3_600_000), host, nowMs)).toBe(false);
});

test('ids are UUIDv7 and sort by time', () => {
  const ids = [0, 1, 2, 70_000, 2 ** 40].map((ms) => newUuid(ms));
  expect(ids).toEqual(ids.toSorted());
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  for (const id of ids) expect(uuidText(uuidBytes(id))).toBe(id);
  expect(() => uuidBytes('not-a-uuid')).toThrow(RangeError);
});
