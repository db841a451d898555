import { expect, test } from 'vitest';
import { deriveKey } from '../../security/keys.ts';
import { cameraUrlAad, createSealer } from '../../security/seal.ts';

const secret = 'a'.repeat(32);
const url = 'rtsp://admin:pässword@192.0.2.7:554/stream?x=1';
const aad = cameraUrlAad('0190f1de-0000-7000-8000-000000000001');

test('what was sealed opens again, and never looks the same twice', () => {
  const sealer = createSealer(secret);
  const sealed = sealer.seal(url, aad);
  expect(sealer.unseal(sealed, aad)).toBe(url);
  expect(sealer.unseal(sealer.seal('', aad), aad)).toBe('');
  expect(sealer.seal(url, aad)).not.toBe(sealed);
  expect(sealed).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]{16}\.[\w-]+$/);
  expect(Buffer.from(sealed.split('.')[3] ?? '', 'base64url').toString('latin1')).not.toContain('admin');
});

test('a value moved to another camera does not open there', () => {
  const sealer = createSealer(secret);
  const other = cameraUrlAad('0190f1de-0000-7000-8000-000000000002');
  expect(() => sealer.unseal(sealer.seal(url, aad), other)).toThrow(`does not belong to ${other}`);
});

test('every changed character is noticed', () => {
  const sealer = createSealer(secret);
  const sealed = sealer.seal(url, aad);
  for (let i = 0; i < sealed.length; i += 1) {
    const changed = sealed.slice(0, i) + (sealed[i] === 'A' ? 'B' : 'A') + sealed.slice(i + 1);
    // The last character of base64url may carry unused bits only; then the value is the same one.
    if (
      Buffer.from(changed.split('.')[3] ?? '', 'base64url').equals(Buffer.from(sealed.split('.')[3] ?? '', 'base64url'))
    )
      if (changed.split('.').slice(0, 3).join() === sealed.split('.').slice(0, 3).join()) continue;
    expect(() => sealer.unseal(changed, aad)).toThrow(/sealed/);
  }
  for (const broken of ['', 'v1', 'v1.a.b', `${sealed}.more`, 'v1.00000000.AAAA.AAAA', sealed.slice(0, -30)]) {
    expect(() => sealer.unseal(broken, aad)).toThrow(/sealed/);
  }
});

test('another secret says so; an older one still opens', () => {
  const sealed = createSealer(secret).seal(url, aad);
  const newSecret = 'b'.repeat(32);
  expect(() => createSealer(newSecret).unseal(sealed, aad)).toThrow(/FRAMEKEEP_SECRET_KEY/);
  expect(createSealer(newSecret, [secret]).unseal(sealed, aad)).toBe(url);
});

test('no error text holds what was sealed', () => {
  const sealer = createSealer(secret);
  try {
    sealer.unseal(sealer.seal(url, aad), 'elsewhere');
    expect.unreachable();
  } catch (error) {
    expect(String(error)).not.toContain('admin');
  }
});

test('each purpose has a key of its own', () => {
  const keys = (['seal', 'links', 'recorder-port'] as const).map((purpose) =>
    deriveKey(secret, purpose).toString('hex'),
  );
  expect(new Set(keys).size).toBe(3);
  expect(keys.every((key) => key.length === 64)).toBe(true);
});
