import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAuthenticator, digestAnswer } from '../../../recorder/dialer/authentication.ts';

const login = { user: 'Mufasa', password: 'Circle Of Life' };

describe('digestAnswer', () => {
  it('is that of RFC 2617, section 3.5', () => {
    const answer = digestAnswer({
      login,
      digest: {
        realm: 'testrealm@host.com',
        nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
        opaque: '5ccc069c403ebaf9f0171e9517f40e41',
        algorithm: null,
        hash: 'md5',
        isSession: false,
        hasQop: true,
        count: 1,
      },
      method: 'GET',
      uri: '/dir/index.html',
      cnonce: '0a4f113b',
    });
    expect(answer).toContain('response="6629fae49393a05397450978507c4ef1"');
    expect(answer).toContain('qop=auth, nc=00000001, cnonce="0a4f113b"');
    expect(answer).toContain('opaque="5ccc069c403ebaf9f0171e9517f40e41"');
  });

  it.each([
    ['MD5', 'md5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', 'sha256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ] as const)('is that of RFC 7616, section 3.9.1, for %s', (algorithm, hash, response) => {
    const answer = digestAnswer({
      login: { user: 'Mufasa', password: 'Circle of Life' },
      digest: {
        realm: 'http-auth@example.org',
        nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
        opaque: null,
        algorithm,
        hash,
        isSession: false,
        hasQop: true,
        count: 1,
      },
      method: 'GET',
      uri: '/dir/index.html',
      cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
    });
    expect(answer).toContain(`response="${response}"`);
    expect(answer).toContain(`algorithm=${algorithm}`);
  });
});

describe('createAuthenticator', () => {
  const digest = (nonce: string, more = ''): string => `Digest realm="cam", nonce="${nonce}"${more}`;

  it('says nothing before it is asked', () => {
    expect(createAuthenticator(login).authorize('DESCRIBE', 'rtsp://cam/')).toBeNull();
  });

  it('encodes Basic as UTF-8', () => {
    const authenticator = createAuthenticator({ user: 'josé', password: 'a:b' });
    expect(authenticator.challenge(['Basic realm="cam"'])).toBe('fresh');
    expect(authenticator.authorize('DESCRIBE', 'rtsp://cam/')).toBe(
      `Basic ${Buffer.from('josé:a:b').toString('base64')}`,
    );
    expect(authenticator.challenge(['Basic realm="cam"'])).toBe('same');
  });

  it('takes the strongest scheme, in one header or several', () => {
    for (const offered of [
      ['Basic realm="a, b"', digest('n1'), digest('n2', ', algorithm=SHA-256')],
      [`Basic realm="a, b", ${digest('n1')}, ${digest('n2', ', algorithm="SHA-256"')}`],
    ]) {
      const authenticator = createAuthenticator(login);
      expect(authenticator.challenge(offered)).toBe('fresh');
      expect(authenticator.authorize('DESCRIBE', 'rtsp://cam/')).toMatch(/^Digest .*nonce="n2".*algorithm=SHA-256/);
    }
  });

  it('never falls back to Basic when it could use Digest', () => {
    const authenticator = createAuthenticator(login);
    authenticator.challenge(['Basic realm="a"', digest('n1')]);
    expect(authenticator.authorize('DESCRIBE', 'rtsp://cam/')).toMatch(/^Digest /);
  });

  it('counts the uses of a nonce, and starts again with the next one', () => {
    const authenticator = createAuthenticator(login);
    authenticator.challenge([digest('n1', ', qop="auth,auth-int"')]);
    expect(authenticator.authorize('SETUP', 'rtsp://cam/')).toContain('nc=00000001');
    expect(authenticator.authorize('PLAY', 'rtsp://cam/')).toContain('nc=00000002');
    expect(authenticator.challenge([digest('n2', ', qop="auth", stale=TRUE')])).toBe('stale');
    expect(authenticator.authorize('PLAY', 'rtsp://cam/')).toContain('nc=00000001');
    expect(authenticator.challenge([digest('n2', ', qop="auth"')])).toBe('same');
  });

  it.each([
    '',
    'Negotiate',
    'Digest realm="cam"',
    digest('n', ', qop="auth-int"'),
    digest('n', ', algorithm=SHA-512-256'),
  ])('cannot use %j', (challenge) => {
    expect(createAuthenticator(login).challenge([challenge])).toBe('unusable');
  });

  it('escapes quotes, keeps to one line, and survives any challenge', () => {
    const authenticator = createAuthenticator({ user: 'a"b\\c', password: 'x' });
    authenticator.challenge([digest('n1')]);
    expect(authenticator.authorize('PLAY', 'rtsp://cam/')).toContain('username="a\\"b\\\\c"');
    fc.assert(
      fc.property(fc.string(), (text) => {
        authenticator.challenge([text, `Digest ${text}`, `Digest realm="${text}", nonce="${text}"`]);
      }),
    );
  });
});
