import { createHash, randomBytes } from 'node:crypto';

export interface Login {
  user: string;
  password: string;
}

/** Answers a camera's login challenges; knows the latest one. */
export interface Authenticator {
  /** Takes the WWW-Authenticate values of a 401. */
  challenge(values: readonly string[]): Challenged;
  /** The Authorization value for a request, or null before the first challenge. */
  authorize(method: string, uri: string): string | null;
}

/** `fresh`: answer it; `stale`: the login was right but the nonce old; `same`: the nonce was known; `unusable`: no scheme we speak. */
export type Challenged = 'fresh' | 'stale' | 'same' | 'unusable';

interface Digest {
  scheme: 'digest';
  realm: string;
  nonce: string;
  opaque: string | null;
  algorithm: string | null;
  hash: 'md5' | 'sha256';
  isSession: boolean;
  isStale: boolean;
  hasQop: boolean;
  count: number;
}
type Challenge = Digest | { scheme: 'basic' };

/** Basic (RFC 7617) and Digest (RFC 2617 and 7616: MD5, SHA-256, both also -sess, qop auth or none) for RTSP. */
export function createAuthenticator(login: Login): Authenticator {
  let current: Challenge | null = null;

  function challenge(values: readonly string[]): Challenged {
    const offered = values.flatMap(parseChallenges).toSorted((a, b) => strength(b) - strength(a));
    const best = offered[0];
    if (best === undefined) return 'unusable';
    const before = current;
    current = best;
    if (best.scheme === 'basic') return before?.scheme === 'basic' ? 'same' : 'fresh';
    if (best.isStale) return 'stale';
    return before?.scheme === 'digest' && before.nonce === best.nonce ? 'same' : 'fresh';
  }

  function authorize(method: string, uri: string): string | null {
    if (current === null) return null;
    if (current.scheme === 'basic') {
      return `Basic ${Buffer.from(`${login.user}:${login.password}`, 'utf8').toString('base64')}`;
    }
    current.count += 1;
    return digestAnswer({ login, digest: current, method, uri, cnonce: randomBytes(8).toString('hex') });
  }

  return { challenge, authorize };
}

function strength(challenge: Challenge): number {
  if (challenge.scheme === 'basic') return 0;
  return challenge.hash === 'sha256' ? 2 : 1;
}

/** The value of the Authorization header for one request; `digest.count` is the number of this use of the nonce. */
export function digestAnswer(options: {
  login: Login;
  digest: Omit<Digest, 'scheme' | 'isStale'>;
  method: string;
  uri: string;
  cnonce: string;
}): string {
  const { login, digest, method, uri, cnonce } = options;
  const hash = (text: string): string => createHash(digest.hash).update(text, 'utf8').digest('hex');
  const plain = hash(`${login.user}:${digest.realm}:${login.password}`);
  const secret = digest.isSession ? hash(`${plain}:${digest.nonce}:${cnonce}`) : plain;
  const request = hash(`${method}:${uri}`);
  const count = digest.count.toString(16).padStart(8, '0');
  const response = digest.hasQop
    ? hash(`${secret}:${digest.nonce}:${count}:${cnonce}:auth:${request}`)
    : hash(`${secret}:${digest.nonce}:${request}`);
  const parts = [
    `username="${quote(Buffer.from(login.user, 'utf8').toString('latin1'))}"`,
    `realm="${quote(digest.realm)}"`,
    `nonce="${quote(digest.nonce)}"`,
    `uri="${uri}"`,
    `response="${response}"`,
  ];
  if (digest.algorithm !== null) parts.push(`algorithm=${digest.algorithm}`);
  if (digest.opaque !== null) parts.push(`opaque="${quote(digest.opaque)}"`);
  if (digest.hasQop) parts.push('qop=auth', `nc=${count}`);
  if (digest.hasQop || digest.isSession) parts.push(`cnonce="${cnonce}"`);
  return `Digest ${parts.join(', ')}`;
}

function quote(text: string): string {
  return text.replace(/["\\]/g, '\\$&');
}

/** One header value may hold several challenges: `Basic realm="a", Digest realm="a", nonce="b"`. */
function parseChallenges(value: string): Challenge[] {
  const token = /(?:^|,)\s*(Basic|Digest)(?=\s|,|$)|(?<![a-z-])([a-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]*))/gi;
  const found: { scheme: string; parameters: Map<string, string> }[] = [];
  for (const [, scheme, name, quoted, bare] of value.matchAll(token)) {
    if (scheme !== undefined) found.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    else if (name !== undefined) {
      found.at(-1)?.parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '');
    }
  }
  return found.flatMap(({ scheme, parameters }) => {
    const challenge = scheme === 'basic' ? ({ scheme: 'basic' } as const) : digestChallenge(parameters);
    return challenge === null ? [] : [challenge];
  });
}

function digestChallenge(parameters: Map<string, string>): Digest | null {
  const nonce = parameters.get('nonce');
  const algorithm = parameters.get('algorithm') ?? null;
  const known = /^(md5|sha-256)(-sess)?$/i.exec(algorithm ?? 'MD5');
  const qop = parameters.get('qop') ?? '';
  const offersAuth = qop.split(',').some((part) => part.trim().toLowerCase() === 'auth');
  if (nonce === undefined || known === null || (qop !== '' && !offersAuth)) return null;
  return {
    scheme: 'digest',
    realm: parameters.get('realm') ?? '',
    nonce,
    opaque: parameters.get('opaque') ?? null,
    algorithm,
    hash: known[1]?.toLowerCase() === 'md5' ? 'md5' : 'sha256',
    isSession: known[2] !== undefined,
    isStale: parameters.get('stale')?.toLowerCase() === 'true',
    hasQop: offersAuth,
    count: 0,
  };
}
