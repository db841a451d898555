import { createHash, randomBytes } from 'node:crypto';

/** The login a simulated camera asks for. */
export interface Login {
  user: string;
  password: string;
  scheme: 'basic' | 'digest';
}

export type LoginVerdict = 'ok' | 'absent' | 'wrong' | 'stale';

/** Checks logins by RFC 7617 (Basic) and RFC 7616/2069 (Digest, MD5, with or without qop). */
export interface Gate {
  check(method: string, authorization: string | undefined): LoginVerdict;
  /** `WWW-Authenticate` of a 401. */
  challenge(stale: boolean): string;
  /** From now on the nonce given out so far is stale. */
  renewNonce(): void;
}

const realm = 'Simulated camera';

export function createGate(login: Login): Gate {
  let nonce = randomBytes(16).toString('hex');
  const staleNonces = new Set<string>();
  const basic = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;

  function checkDigest(method: string, text: string): LoginVerdict {
    const given = parameters(text);
    const first = md5(`${login.user}:${realm}:${login.password}`);
    const second = md5(`${method}:${given['uri'] ?? ''}`);
    const middle =
      given['qop'] === undefined ? [given['nonce']] : [given['nonce'], given['nc'], given['cnonce'], given['qop']];
    const right = given['response'] === md5([first, ...middle, second].join(':')) && given['username'] === login.user;
    if (!right) return 'wrong';
    if (given['nonce'] === nonce) return 'ok';
    return staleNonces.has(given['nonce'] ?? '') ? 'stale' : 'wrong';
  }

  return {
    check(method, authorization) {
      if (authorization === undefined) return 'absent';
      if (login.scheme === 'basic') return authorization === basic ? 'ok' : 'wrong';
      return authorization.startsWith('Digest ') ? checkDigest(method, authorization.slice(7)) : 'wrong';
    },
    challenge(stale) {
      if (login.scheme === 'basic') return `Basic realm="${realm}"`;
      return `Digest realm="${realm}", nonce="${nonce}", algorithm="MD5"${stale ? ', stale=true' : ''}`;
    },
    renewNonce() {
      staleNonces.add(nonce);
      nonce = randomBytes(16).toString('hex');
    },
  };
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

/** `a="b", c=d` as an object. */
function parameters(text: string): Record<string, string | undefined> {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)].map(([, name, quoted, bare]) => [name ?? '', quoted ?? bare]),
  );
}
