import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CameraUrlError, parseCameraUrl } from '../../domain/camera-url.ts';

function problem(text: string): string {
  try {
    parseCameraUrl(text);
  } catch (error) {
    if (error instanceof CameraUrlError) return error.message;
    throw error;
  }
  return '';
}

describe('parseCameraUrl', () => {
  it('reads scheme, host, port, path and a percent-encoded login', () => {
    expect(parseCameraUrl('RTSP://admin:p%40ss%3A@Cam.Example:8554/h264?channel=1&subtype=0')).toEqual({
      scheme: 'rtsp',
      host: 'cam.example',
      port: 8554,
      path: '/h264?channel=1&subtype=0',
      user: 'admin',
      password: 'p@ss:',
      requestUri: 'rtsp://cam.example:8554/h264?channel=1&subtype=0',
      redactedUrl: 'rtsp://cam.example:8554/h264?channel=1&subtype=0',
    });
  });

  it('has the default ports of both schemes and leaves them out of the request', () => {
    expect(parseCameraUrl('rtsp://10.0.0.7/a')).toMatchObject({
      port: 554,
      user: null,
      requestUri: 'rtsp://10.0.0.7/a',
    });
    expect(parseCameraUrl('rtsps://10.0.0.7')).toMatchObject({ port: 322, path: '', requestUri: 'rtsps://10.0.0.7' });
  });

  it.each([
    ['rtsp://[2001:DB8::7]:8554/a', '2001:db8::7', 8554],
    ['rtsp://[::ffff:10.0.0.1]/a', '::ffff:10.0.0.1', 554],
    ['rtsp://u:p@[fe80::1]/a', 'fe80::1', 554],
    ['rtsp://cam_1.lan./a', 'cam_1.lan', 554],
    ['rtsp://localhost:554/a', 'localhost', 554],
  ])('%s has host %s', (text, host, port) => {
    expect(parseCameraUrl(text)).toMatchObject({ host, port });
  });

  it.each([
    ['rtsp://admin:p@ss@10.0.0.7/a', 'p@ss'],
    ['rtsp://admin:p:ss@10.0.0.7/a', 'p:ss'],
    ['rtsp://admin:pa/ss@10.0.0.7/a', 'pa/ss'],
    ['rtsp://admin:pa#ss@10.0.0.7/a', 'pa#ss'],
    ['rtsp://admin:pa?ss@10.0.0.7:554/a', 'pa?ss'],
    ['rtsp://admin:50%off@10.0.0.7/a', '50%off'],
    ['rtsp://admin:100%25@10.0.0.7/a', '100%'],
    ['rtsp://admin:@10.0.0.7/a', ''],
    ['rtsp://admin@10.0.0.7/a', ''],
  ])('%s has password %s', (text, password) => {
    expect(parseCameraUrl(text)).toMatchObject({ user: 'admin', password, host: '10.0.0.7' });
  });

  it.each(['rtsp://admin:12/34@10.0.0.7/a', 'rtsp://admin:p@x/y@10.0.0.7/a', 'rtsp://cam:554/x@10.0.0.7/a'])(
    'refuses %s, which has two readings',
    (text) => {
      expect(problem(text)).toMatch(/more than one way/);
    },
  );

  it.each(['0x7f.1', '2130706433', '0177.0.0.1', '127.1', '10.0.0.256', '1.2.3.4.5', '0x7f000001', '10.0.0.010', '0'])(
    'refuses the ambiguous number %s',
    (host) => {
      expect(problem(`rtsp://${host}/a`)).toMatch(/ambiguous number/);
    },
  );

  it.each([
    ['http://10.0.0.7/', /must start with rtsp/],
    ['file:///etc/passwd', /must start with rtsp/],
    ['rtsp:/10.0.0.7', /must start with rtsp/],
    ['concat:rtsp://10.0.0.7/', /must start with rtsp/],
    ['rtsp:///etc/passwd', /names no host/],
    ['rtsp://user:pass@/a', /names no host/],
    ['rtsp://10.0.0.7:0/', /port/],
    ['rtsp://10.0.0.7:65536/', /port/],
    ['rtsp://10.0.0.7:/', /port/],
    ['rtsp://10.0.0.7:+5/', /port/],
    ['rtsp://a b/', /host must be/],
    ['rtsp://cam%2e1/', /host must be/],
    ['rtsp://-cam/', /host must be/],
    ['rtsp://cam..lan/', /host must be/],
    ['rtsp://kamera.örnek/', /host must be/],
    ['rtsp://[::1%eth0]/', /no IPv6/],
    ['rtsp://[1::2::3]/', /no IPv6/],
    ['rtsp://[12345::]/', /no IPv6/],
    ['rtsp://[1:2:3]/', /no IPv6/],
    ['rtsp://2001:db8::7/a', /port/],
    ['rtsp://10.0.0.7/a b', /space/],
    ['rtsp://10.0.0.7/a#b', /fragment/],
    ['rtsp://10.0.0.7/a\r\nX: y', /control character/],
    ['rtsp://ad%0d%0aX:y@10.0.0.7/', /control character/],
    ['rtsp://ad\u0000min@10.0.0.7/', /control character/],
    [`rtsp://10.0.0.7/${'a'.repeat(2048)}`, /longer than/],
    ['', /must start with rtsp/],
  ])('refuses %j', (text, reason) => {
    expect(problem(text)).toMatch(reason);
  });

  it('encodes what would break a request line or a quoted header', () => {
    expect(parseCameraUrl('rtsp://10.0.0.7/a"b\\cé').path).toBe('/a%22b%5Cc%C3%A9');
    expect(parseCameraUrl('rtsp://10.0.0.7?x=1').requestUri).toBe('rtsp://10.0.0.7/?x=1');
  });

  it('hides logins that stand in the path or the query', () => {
    expect(parseCameraUrl('rtsp://10.0.0.7/a?user=bob&password=hunter2&channel=1').redactedUrl).toBe(
      'rtsp://10.0.0.7/a?user=***&password=***&channel=1',
    );
    expect(parseCameraUrl('rtsp://10.0.0.7/user=bob_password=hunter2_channel=1.sdp').redactedUrl).not.toContain(
      'hunter2',
    );
    expect(parseCameraUrl('rtsp://10.0.0.7/a?p%61ssword=hunter2').redactedUrl).not.toContain('hunter2');
    expect(parseCameraUrl('rtsp://bob:hunter2@10.0.0.7/live/hunter2/1').redactedUrl).toBe('rtsp://10.0.0.7/live/***/1');
  });

  const password = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme-ascii' }).map((text) => `Zq${text}Xj`);

  it('reads back any encoded login and never shows it', () => {
    fc.assert(
      fc.property(password, password, fc.constantFrom('cam.lan', '10.0.0.7', '[2001:db8::7]'), (user, secret, host) => {
        const login = `${encodeURIComponent(user)}:${encodeURIComponent(secret)}`;
        const parsed = parseCameraUrl(
          `rtsp://${login}@${host}:554/live/${encodeURIComponent(secret)}?pwd=${encodeURIComponent(secret)}`,
        );
        expect(parsed).toMatchObject({ user, password: secret });
        expect(parsed.redactedUrl).not.toContain(secret);
        expect(parsed.redactedUrl).not.toContain(encodeURIComponent(secret));
        expect(parsed.redactedUrl).not.toContain(user);
      }),
    );
  });

  it('shows no raw password, in the redacted form or in a refusal, whatever characters it has', () => {
    fc.assert(
      fc.property(password, fc.constantFrom('cam.lan', '10.0.0.7:8554'), (secret, host) => {
        const text = `rtsp://admin:${secret}@${host}/live`;
        let shown: string;
        try {
          shown = parseCameraUrl(text).redactedUrl;
        } catch (error) {
          shown = String(error);
        }
        expect(shown).not.toContain('Zq');
        expect(shown).not.toContain('Xj');
      }),
    );
  });

  it('throws nothing but its own error for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        problem(text);
        problem(`rtsp://${text}`);
      }),
    );
  });
});
