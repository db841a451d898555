import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCameraUrl } from '../../../domain/camera-url.ts';
import { createConversation } from '../../../recorder/dialer/conversation.ts';
import { agree, client, dial, reply, scriptedCamera, sdp, until, type Got } from './dialing.ts';

function withLogin(url: string): string {
  return url.replace('//', '//bob:hunter2@');
}

describe('URIs', () => {
  it('are the camera’s to the camera and local to ffmpeg', async () => {
    let port = 0;
    const camera = await scriptedCamera((got) => agree(got, port));
    ({ port } = camera);
    const dialer = await dial(withLogin(camera.url));
    const { ask } = await client(dialer.url);
    const answers = [await ask('OPTIONS'), await ask('DESCRIBE')];
    const controls = [...(answers[1] ?? '').matchAll(/a=control:(\S+)/g)].map(([, uri]) => uri);
    expect(controls).toHaveLength(2);
    answers.push(await ask('SETUP', controls[1]), await ask('PLAY', controls[0]), await ask('TEARDOWN', controls[0]));
    expect(camera.got.map(({ method, uri }) => `${method} ${uri}`)).toEqual([
      `OPTIONS ${camera.url}`,
      `DESCRIBE ${camera.url}`,
      `SETUP rtsp://127.0.0.1:${port}/base/trackID=1`,
      `PLAY rtsp://127.0.0.1:${port}/base/`,
      `TEARDOWN rtsp://127.0.0.1:${port}/base/`,
    ]);
    expect(answers[3]).toContain(`RTP-Info: url=${controls[1]};seq=1;rtptime=2\r\n`);
    for (const answer of answers) {
      expect(answer).toMatch(/^RTSP\/1\.0 200 OK/);
      expect(answer).not.toMatch(new RegExp(`:${port}|10\\.0\\.0\\.9|Location|Server|Content-Base|bob|hunter2`));
    }
    expect(answers[2]).toContain('Session: 12345;timeout=60');
  });

  it('of a camera that names another host stay on this connection', async () => {
    const elsewhere = sdp.replace('a=control:trackID=1', 'a=control:rtsp://10.0.0.9/track');
    const camera = await scriptedCamera((got) =>
      got.method === 'DESCRIBE' ? reply(got, '200 OK', [], elsewhere) : reply(got, '200 OK'),
    );
    const dialer = await dial(camera.url);
    const { ask } = await client(dialer.url);
    const uri = [...(await ask('DESCRIBE')).matchAll(/a=control:(\S+)/g)][1]?.[1] ?? '';
    expect(uri).toMatch(/^rtsp:\/\/127\.0\.0\.1/);
    await ask('SETUP', uri);
    expect(camera.got.at(-1)?.uri).toBe('rtsp://10.0.0.9/track');
  });
});

describe('login', () => {
  const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
  const field = (got: Got, name: string): string =>
    new RegExp(`${name}="?([^",]*)`).exec(got.header('Authorization') ?? '')?.[1] ?? '';

  it('is answered unseen, and the numbers of both sides stay in order', async () => {
    let port = 0;
    const camera = await scriptedCamera((got) =>
      got.header('Authorization') === undefined
        ? reply(got, '401 Unauthorized', [
            'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256',
          ])
        : agree(got, port),
    );
    ({ port } = camera);
    const dialer = await dial(withLogin(camera.url));
    const { ask } = await client(dialer.url);
    expect(await ask('OPTIONS')).toMatch(/^RTSP\/1\.0 200 OK\r\nCSeq: 1\r\n/);
    expect(await ask('DESCRIBE')).toMatch(/^RTSP\/1\.0 200 OK\r\nCSeq: 2\r\n/);
    expect(camera.got.map((got) => got.header('CSeq'))).toEqual(['1', '2', '3']);
    const [, options, describing] = camera.got;
    for (const [got, count] of [
      [options, '00000001'],
      [describing, '00000002'],
    ] as const) {
      if (got === undefined) throw new Error('no request');
      const middle = `n:${count}:${field(got, 'cnonce')}:auth`;
      expect(field(got, 'nc')).toBe(count);
      expect(field(got, 'uri')).toBe(got.uri);
      expect(field(got, 'response')).toBe(sha(`${sha('bob:r:hunter2')}:${middle}:${sha(`${got.method}:${got.uri}`)}`));
    }
  });

  it.each([
    ['always with a fresh nonce', '', 2],
    ['always stale', ', stale=true', 3],
  ])('refused %s, it ends after %#', async (_, more, requests) => {
    let nonce = 0;
    const camera = await scriptedCamera((got) => {
      nonce += 1;
      return reply(got, '401 Unauthorized', [`WWW-Authenticate: Digest realm="r", nonce="n${nonce}"${more}`]);
    });
    const dialer = await dial(withLogin(camera.url));
    const { ask, closed } = await client(dialer.url);
    const answer = await ask('DESCRIBE');
    expect(answer).toMatch(/^RTSP\/1\.0 401 Unauthorized\r\nCSeq: 1\r\n/);
    expect(answer).not.toContain('WWW-Authenticate');
    await closed;
    expect(camera.got).toHaveLength(requests);
    expect(dialer.failure()?.reason).toBe('auth');
  });

  it('goes on when the nonce of a later request has run out, even unannounced', async () => {
    let port = 0;
    let nonce = 'n1';
    const camera = await scriptedCamera((got) => {
      if (got.method === 'SETUP' && nonce === 'n1') nonce = 'n2';
      return field(got, 'nonce') === nonce
        ? agree(got, port)
        : reply(got, '401 Unauthorized', [`WWW-Authenticate: Digest realm="r", nonce="${nonce}"`]);
    });
    ({ port } = camera);
    const dialer = await dial(withLogin(camera.url));
    const { ask } = await client(dialer.url);
    const uri = [...(await ask('DESCRIBE')).matchAll(/a=control:(\S+)/g)][1]?.[1] ?? '';
    expect(await ask('SETUP', uri)).toMatch(/^RTSP\/1\.0 200 OK\r\nCSeq: 2\r\n/);
    expect(dialer.failure()).toBeNull();
  });

  it('never goes to a camera that asks for none', async () => {
    let port = 0;
    const camera = await scriptedCamera((got) => agree(got, port));
    ({ port } = camera);
    const { ask } = await client((await dial(withLogin(camera.url))).url);
    await ask('OPTIONS');
    await ask('DESCRIBE', undefined, ['Authorization: Basic Zm9vOmJhcg==']);
    expect(camera.got.map(({ text }) => text).join('\n')).not.toMatch(/authorization|bob|hunter2/i);
  });
});

describe('answers of odd cameras', () => {
  it('without or with a wrong CSeq belong to the oldest request', async () => {
    const camera = await scriptedCamera(() => 'RTSP/1.0 200 OK\r\nCSeq: 999\r\n\r\n\r\n');
    const { ask } = await client((await dial(camera.url)).url);
    expect(await ask('OPTIONS')).toContain('CSeq: 1\r\n');
    expect(await ask('OPTIONS')).toContain('CSeq: 2\r\n');
  });

  it('a refused keep-alive ends nothing; requests of the camera are answered here', async () => {
    let port = 0;
    let socket: Socket | null = null;
    const camera = await scriptedCamera((got, from) => {
      socket = from;
      return got.method === 'GET_PARAMETER' ? reply(got, '451 Parameter Not Understood') : agree(got, port);
    });
    ({ port } = camera);
    const dialer = await dial(camera.url);
    const { ask } = await client(dialer.url);
    const [control, stream] = [...(await ask('DESCRIBE')).matchAll(/a=control:(\S+)/g)].map(([, uri]) => uri);
    await ask('SETUP', stream);
    await ask('PLAY', control);
    (socket as Socket | null)?.write('REDIRECT rtsp://a/ RTSP/1.0\r\nCSeq: 7\r\nLocation: rtsp://10.0.0.9/\r\n\r\n');
    expect(await ask('GET_PARAMETER', control)).toContain('451 Parameter Not Understood');
    await until(() => camera.got.length >= 5);
    expect(camera.got.find(({ text }) => text.startsWith('RTSP/1.0 501'))?.header('CSeq')).toBe('7');
    expect(dialer.failure()).toBeNull();
  });

  it.each([
    ['no video', 'v=0\r\nm=audio 0 RTP/AVP 8\r\n'],
    ['nothing', ''],
  ])('that describe %s are a bad stream', async (_, body) => {
    const camera = await scriptedCamera((got) => reply(got, '200 OK', [], body));
    const dialer = await dial(camera.url);
    const { ask, closed } = await client(dialer.url);
    await ask('DESCRIBE');
    await closed;
    expect(dialer.failure()?.reason).toBe('bad-stream');
  });
});

describe('whatever a camera says', () => {
  const headerValue = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.constantFrom(
      'Digest realm="a", nonce="b"',
      'RTP/AVP/TCP;interleaved=0-1',
      'url=a;seq=1,url=b',
      'rtsp://10.0.0.9/a',
      '7',
    ),
  );
  const name = fc.constantFrom(
    'CSeq',
    'WWW-Authenticate',
    'Transport',
    'RTP-Info',
    'Session',
    'Content-Base',
    'Location',
  );
  const line = fc.oneof(
    fc.constantFrom('m=video 0 RTP/AVP 96', 'm=', 'a=control:', 'a=control:*', 'a=control:x', 'a=rtpmap:96 H264/90000'),
    fc.string({ maxLength: 40 }),
  );
  const answer = fc.record({
    kind: fc.constant('response' as const),
    status: fc.constantFrom(100, 200, 302, 401, 404, 453, 500),
    statusText: fc.constant('X'),
    headers: fc.array(fc.tuple(name, headerValue), { maxLength: 5 }),
    body: fc.array(line, { maxLength: 8 }).map((lines) => Buffer.from(lines.join('\r\n'))),
  });

  it('ffmpeg gets no address of the camera, no challenge, and as many answers as it asked for at most', () => {
    const localUrl = 'rtsp://127.0.0.1:9/x';
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 8 }), (answers) => {
        const sent: string[] = [];
        let asked = 0;
        const talk = createConversation({
          camera: parseCameraUrl('rtsp://bob:hunter2@cam.test/live'),
          localUrl,
          nowMs: () => 0,
          toCamera: () => undefined,
          toFfmpeg: (bytes) => sent.push(bytes.toString('latin1')),
          fail: () => undefined,
        });
        for (const message of answers) {
          const method = ['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY'][asked % 4] ?? '';
          asked += 1;
          const headers: [string, string][] = [['CSeq', String(asked)]];
          talk.fromFfmpeg({ kind: 'request', method, uri: localUrl, headers, body: Buffer.alloc(0) });
          talk.fromCamera(message);
        }
        expect(sent.length).toBeLessThanOrEqual(asked);
        for (const text of sent) {
          const [head = ''] = text.split('\r\n\r\n');
          expect(head).not.toMatch(/^(WWW-Authenticate|Content-Base|Location)/im);
          expect(text).not.toMatch(/cam\.test|bob|hunter2/);
          expect([...text.matchAll(/a=control:(.*)/g)].every(([, uri]) => uri?.startsWith(localUrl))).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
