import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';

/**
 * OWASP's scrypt setting for 32 MiB: N 2^15, r 8, p 3. It costs an attacker as much as N 2^17, p 1 and lets a small
 * host check several logins at once.
 */
const cost = { N: 2 ** 15, r: 8, p: 3 };
const saltBytes = 16;
const hashBytes = 32;

/** A password's hash, with all that is needed to check it: `scrypt$N$r$p$salt$hash`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, salt, cost);
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/**
 * Whether a password is the one that was hashed.
 * @param passwordHash null = there is no such account: it takes as long as a wrong password, so that logins cannot be
 * found out by the clock
 */
export async function verifyPassword(password: string, passwordHash: string | null): Promise<boolean> {
  const [scheme, N, r, p, salt, hash] = (passwordHash ?? '').split('$');
  if (scheme !== 'scrypt' || salt === undefined || hash === undefined) {
    await derive(password, Buffer.alloc(saltBytes), cost);
    return false;
  }
  const expected = Buffer.from(hash, 'base64url');
  const actual = await derive(password, Buffer.from(salt, 'base64url'), { N: Number(N), r: Number(r), p: Number(p) });
  return expected.length === hashBytes && timingSafeEqual(actual, expected);
}

/** Composed and decomposed letters are one password: keyboards differ. */
function derive(password: string, salt: Buffer, { N, r, p }: { N: number; r: number; p: number }): Promise<Buffer> {
  // Node's default bound of 32 MiB is just below what this needs.
  const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, hashBytes, options, (error, hash) => {
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}
