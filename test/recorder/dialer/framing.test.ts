import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFraming } from '../../../recorder/dialer/framing.ts';
import { serialize } from '../../../recorder/dialer/rtsp-message.ts';

function frame(channel: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0x24, channel, payload.length >> 8, payload.length & 0xff]), payload]);
}

/** All that came out, with neighbouring frame bytes joined: where they are cut is not part of the result. */
function run(chunks: Buffer[], isExpected?: (channel: number) => boolean): string[] {
  const seen: string[] = [];
  let bytes: Buffer[] = [];
  const flush = (): void => {
    if (bytes.length > 0) seen.push(`bytes ${Buffer.concat(bytes).toString('hex')}`);
    bytes = [];
  };
  const frames: string[] = [];
  const framing = createFraming({
    ...(isExpected === undefined ? {} : { isExpected }),
    skipped: (count) => {
      flush();
      seen.push(`skipped ${count}`);
    },
    frame: (channel, payloadBytes) => frames.push(`frame ${channel} ${payloadBytes}`),
    frameBytes: (part) => bytes.push(Buffer.from(part)),
    message: (message) => {
      flush();
      seen.push(`message ${serialize(message).toString('latin1')}`);
    },
    garbage: (problem) => {
      flush();
      seen.push(`garbage ${problem}`);
    },
  });
  for (const chunk of chunks) framing.push(chunk);
  flush();
  return [...seen, ...frames];
}

function split(bytes: Buffer, cuts: number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

const anyFrame = fc
  .tuple(fc.nat(255), fc.uint8Array({ maxLength: 300 }))
  .map(([channel, payload]) => frame(channel, payload));
const anyMessage = fc
  .record({
    cseq: fc.nat(99),
    body: fc.string({ maxLength: 50, unit: 'grapheme-ascii' }),
    lineEnd: fc.constantFrom('\r\n', '\n'),
    start: fc.constantFrom('RTSP/1.0 200 OK', 'RTSP/1.0 401 Unauthorized', 'GET_PARAMETER rtsp://127.0.0.1/a RTSP/1.0'),
  })
  .map(({ cseq, body, lineEnd, start }) =>
    Buffer.from([start, `CSeq: ${cseq}`, `Content-Length: ${body.length}`, '', body].join(lineEnd), 'latin1'),
  );
const stray = fc.constant(Buffer.from('\r\n'));
const junk = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes));

/** A packet as it would be sent: RTP version 2 and a payload. */
const anyPacket = fc
  .tuple(fc.constantFrom(0, 1), fc.uint8Array({ minLength: 12, maxLength: 300 }))
  .map(([channel, payload]) => frame(channel, Uint8Array.of(0x80, ...payload)));
const isExpected = (channel: number): boolean => channel < 2;

describe('junk in a running stream', () => {
  /** Bytes that start neither a frame nor a message. */
  const plainJunk = fc
    .uint8Array({ minLength: 1, maxLength: 300 })
    .map((bytes) => Buffer.from(bytes.map((byte) => byte | 0x80)));

  it('is skipped, and every packet before and after it is found', () => {
    fc.assert(
      fc.property(anyPacket, fc.array(fc.tuple(plainJunk, anyPacket)), (first, rest) => {
        const seen = run([Buffer.concat([first, ...rest.flat()])], isExpected);
        const bytes = seen.filter((line) => line.startsWith('bytes')).map((line) => line.slice(6));
        expect(bytes.join('')).toBe(Buffer.concat([first, ...rest.map(([, packet]) => packet)]).toString('hex'));
        expect(seen.filter((line) => line.startsWith('skipped'))).toEqual(
          rest.map(([junked]) => `skipped ${junked.length}`),
        );
      }),
    );
  });

  it('gives the same whatever the junk and the chunks', () => {
    const text = fc
      .constantFrom('RTSP/1.0 ', 'RTSP/1.0 200 OK\r\nContent-Length: x\r\n\r\n', 'OPTIONS ', '$')
      .map((start) => Buffer.from(start));
    const part = fc.oneof(anyPacket, plainJunk, junk, text, anyMessage);
    fc.assert(
      fc.property(anyPacket, fc.array(part), fc.array(fc.nat()), (first, parts, cuts) => {
        const bytes = Buffer.concat([first, ...parts]);
        const whole = run([bytes], isExpected);
        expect(run(split(bytes, cuts), isExpected)).toEqual(whole);
        expect(
          run(
            [...bytes].map((byte) => Buffer.from([byte])),
            isExpected,
          ),
        ).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('is garbage before any frame, and after 64 KiB', () => {
    const packet = frame(0, Buffer.alloc(100, 0x80));
    const noise = Buffer.alloc(70_000, 0xff);
    expect(run([noise, packet], isExpected)).toEqual(['garbage what it sends is not RTSP']);
    expect(run([packet, noise, packet], isExpected)).toContain('garbage what it sends is not RTSP any more');
  });
});

describe('createFraming', () => {
  it('gives the same whatever the chunks', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            { weight: 6, arbitrary: anyFrame },
            { weight: 3, arbitrary: anyMessage },
            { weight: 1, arbitrary: stray },
          ),
        ),
        fc.option(junk, { nil: Buffer.alloc(0) }),
        fc.array(fc.nat()),
        (parts, tail, cuts) => {
          const bytes = Buffer.concat([...parts, tail]);
          const whole = run([bytes]);
          expect(run(split(bytes, cuts))).toEqual(whole);
          expect(run([...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('finds each message between frames and passes all frame bytes on', () => {
    fc.assert(
      fc.property(fc.array(anyFrame), anyMessage, fc.array(anyFrame), (before, message, after) => {
        const seen = run([Buffer.concat([...before, message, ...after])]);
        const bytes = seen
          .filter((line) => line.startsWith('bytes'))
          .map((line) => line.slice(6))
          .join('');
        expect(bytes).toBe(Buffer.concat([...before, ...after]).toString('hex'));
        expect(seen.filter((line) => line.startsWith('message'))).toHaveLength(1);
        expect(seen.filter((line) => line.startsWith('frame'))).toHaveLength(before.length + after.length);
      }),
    );
  });

  it('does not copy frames', () => {
    const chunk = Buffer.concat([frame(0, Buffer.alloc(1000, 1)), frame(1, Buffer.alloc(2000, 2))]);
    const parts: Buffer[] = [];
    const framing = createFraming({
      frame: () => undefined,
      frameBytes: (part) => parts.push(part),
      message: () => undefined,
      garbage: () => undefined,
    });
    framing.push(chunk);
    expect(parts).toHaveLength(1);
    expect(parts[0]?.buffer).toBe(chunk.buffer);
  });

  it.each([
    ['HTTP/1.1 400 Bad Request\r\n\r\n', 'it answers HTTP, not RTSP'],
    ['\u0001\u0002', 'what it sends is not RTSP'],
    ['RTSP/1.0 garbage\r\n\r\n', 'what it sends is not RTSP'],
    ['RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n', 'it sends a message of impossible length'],
    ['RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n', 'it sends a message of impossible length'],
    [`RTSP/1.0 200 OK\r\n${'a'.repeat(20_000)}`, 'it sends a message without end'],
  ])('calls %j garbage', (text, problem) => {
    expect(run([Buffer.from(text, 'latin1')])).toEqual([`garbage ${problem}`]);
  });

  it('stops in the middle of a chunk when told so', () => {
    let frames = 0;
    const framing = createFraming({
      frame: () => {
        frames += 1;
        framing.stop();
      },
      frameBytes: () => undefined,
      message: () => undefined,
      garbage: () => undefined,
    });
    framing.push(Buffer.concat([frame(0, Buffer.alloc(3)), frame(0, Buffer.alloc(3))]));
    framing.push(frame(0, Buffer.alloc(3)));
    expect(frames).toBe(1);
  });
});
