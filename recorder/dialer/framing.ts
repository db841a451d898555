import { header, isStartLine, parseHead, type RtspMessage } from './rtsp-message.ts';

/** What the bytes of one direction turn out to be, in their order. */
export interface FramingEvents {
  /** An interleaved frame's header is complete. */
  frame(channel: number, payloadBytes: number): void;
  /** Bytes of frames, headers included, to be passed on untouched; `whole`: they end with a frame's end. */
  frameBytes(bytes: Buffer, whole: boolean): void;
  message(message: RtspMessage): void;
  /** The bytes are not RTSP; nothing follows. The text never repeats them. */
  garbage(problem: string): void;
  /**
   * Whether frames are expected on this channel. With it, once frames have come, bytes that are not RTSP are skipped up
   * to the next frame of such a channel: some cameras mix junk into a running stream, and ffmpeg itself would lose far
   * more before it found its place again.
   */
  isExpected?(channel: number): boolean;
  /** So many bytes were skipped. */
  skipped?(bytes: number): void;
}

export interface Framing {
  push(chunk: Buffer): void;
  /** No event follows, not even for the rest of the chunk in work. */
  stop(): void;
  /** Bytes of a message whose end has not come yet. */
  heldBytes(): number;
}

/** Real heads are below 2 KB; bounds the memory and the searching a camera can cause. */
const maxHeadBytes = 16_384;
/** Real session descriptions are below 4 KB. */
const maxBodyBytes = 65_536;
const answerStart = 'RTSP/1.0 ';
const longestStart = answerStart.length;
/** More junk than this in a row is no running stream. */
const maxSkippedBytes = 65_536;
/** An RTP packet has at least its fixed header, an RTCP packet 8 bytes. */
const minPayloadBytes = 8;
const dollar = 0x24;

/**
 * Splits a stream of RTSP over TCP (RFC 2326 10.12) into interleaved frames (`$`, channel, 16-bit length, payload) and
 * messages. Frames are never copied nor held: what came in one chunk leaves as one slice of it.
 */
export function createFraming(events: FramingEvents): Framing {
  /** Bytes of the current frame's header seen so far (0 = not in a header), and its fields. */
  let headerSeen = 0;
  let channel = 0;
  let highByte = 0;
  let payloadLeft = 0;
  /** The head in work, and the message whose body is in work. */
  let held: Buffer | null = null;
  let open: { message: RtspMessage; parts: Buffer[]; left: number } | null = null;
  /** Where the place in the stream is lost: what may still be the start of a frame. */
  let lost: Buffer | null = null;
  let skippedBytes = 0;
  let hasFrames = false;
  let isStopped = false;

  function push(bytes: Buffer): void {
    let chunk = bytes;
    let at = 0;
    while ((at < chunk.length || lost !== null) && !isStopped) {
      if (lost !== null) {
        chunk = Buffer.concat([lost, chunk.subarray(at)]);
        at = findFrame(chunk);
        if (lost !== null) return;
      } else if (open !== null) at = takeBody(open, chunk, at);
      else if (held !== null) at = takeHead(held, chunk, at);
      else if (headerSeen > 0 || payloadLeft > 0 || chunk[at] === dollar) at = takeFrames(chunk, at);
      else at = beginMessage(chunk, at);
    }
  }

  /** Walks over frames as far as they go and passes them on as one slice. */
  function takeFrames(chunk: Buffer, start: number): number {
    let at = start;
    while (at < chunk.length) {
      if (payloadLeft > 0) {
        const step = Math.min(payloadLeft, chunk.length - at);
        payloadLeft -= step;
        at += step;
        continue;
      }
      const byte = chunk[at] ?? 0;
      if (headerSeen === 0 && byte !== dollar) break;
      if (headerSeen === 1) channel = byte;
      if (headerSeen === 2) highByte = byte;
      headerSeen += 1;
      if (headerSeen === 4) {
        payloadLeft = highByte * 256 + byte;
        headerSeen = 0;
        hasFrames = true;
        events.frame(channel, payloadLeft);
        if (isStopped) return chunk.length;
      }
      at += 1;
    }
    events.frameBytes(chunk.subarray(start, at), headerSeen === 0 && payloadLeft === 0);
    return at;
  }

  function beginMessage(chunk: Buffer, at: number): number {
    // Some cameras end messages with an extra line break.
    if (chunk[at] === 0x0d || chunk[at] === 0x0a) return at + 1;
    held = Buffer.alloc(0);
    return at;
  }

  function takeHead(before: Buffer, chunk: Buffer, at: number): number {
    const rest = chunk.subarray(at, at + maxHeadBytes + 4 - before.length);
    const all = before.length === 0 ? rest : Buffer.concat([before, rest]);
    const lineEnd = all.indexOf(0x0a);
    const line = all.toString('latin1', 0, lineEnd === -1 ? all.length : lineEnd).replace(/\r$/, '');
    if (lineEnd === -1 ? !/^[A-Z_]{1,24}(?:$|[ /])/.test(line) : !isStartLine(line)) {
      return garbage(
        all,
        at + rest.length,
        line.startsWith('HTTP/') ? 'it answers HTTP, not RTSP' : 'what it sends is not RTSP',
      );
    }
    const end = endOfHead(all, Math.max(0, before.length - 3));
    if ((end === -1 ? all.length : end) > maxHeadBytes)
      return garbage(all, at + rest.length, 'it sends a message without end');
    if (end === -1) {
      held = all;
      return at + rest.length;
    }
    held = null;
    const message = parseHead(all.toString('latin1', 0, end));
    const length = message === null ? '' : (header(message.headers, 'content-length') ?? '0');
    if (message === null || !/^\d{1,9}$/.test(length) || Number(length) > maxBodyBytes) {
      return garbage(all, at + rest.length, 'it sends a message of impossible length');
    }
    if (Number(length) === 0) events.message(message);
    else open = { message, parts: [], left: Number(length) };
    return at + end - before.length;
  }

  function takeBody(message: NonNullable<typeof open>, chunk: Buffer, at: number): number {
    const part = chunk.subarray(at, at + message.left);
    message.parts.push(part);
    message.left -= part.length;
    if (message.left === 0) {
      open = null;
      events.message({ ...message.message, body: Buffer.concat(message.parts) });
    }
    return at + part.length;
  }

  function garbage(all: Buffer, next: number, problem: string): number {
    held = null;
    if (hasFrames && events.isExpected !== undefined) {
      // One byte is skipped in any case, or the same bytes would be read again.
      lost = all.subarray(1);
      skippedBytes = 1;
    } else {
      isStopped = true;
      events.garbage(problem);
    }
    return next;
  }

  /** Looks for the start of an expected frame or of an answer; where there is none, `lost` keeps what may become one. */
  function findFrame(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && !startsFrame(bytes, at)) at += 1;
    skippedBytes += at;
    const isFound = at + longestStart <= bytes.length;
    lost = isFound ? null : bytes.subarray(at);
    if (skippedBytes > maxSkippedBytes) {
      isStopped = true;
      events.garbage('what it sends is not RTSP any more');
    } else if (isFound) events.skipped?.(skippedBytes);
    return at;
  }

  /** Whether a frame or an answer starts here, as far as the bytes go. */
  function startsFrame(bytes: Buffer, at: number): boolean {
    const start = bytes.subarray(at, at + longestStart);
    if (start[0] !== dollar) return Buffer.from(answerStart.slice(0, start.length)).equals(start);
    const [, frameChannel, high = 0xff, low = 0xff, version = 0x80] = start;
    // RTP and RTCP packets both begin with version 2 in two bits.
    return (
      (frameChannel === undefined || events.isExpected?.(frameChannel) === true) &&
      high * 256 + low >= minPayloadBytes &&
      version >> 6 === 2
    );
  }

  return {
    push,
    stop: () => {
      isStopped = true;
    },
    heldBytes: () => held?.length ?? (open === null ? 0 : 1),
  };
}

/** Where the body begins: after the first empty line; -1 while there is none. */
function endOfHead(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(0x0a, from); at !== -1; at = bytes.indexOf(0x0a, at + 1)) {
    if (bytes[at + 1] === 0x0a) return at + 2;
    if (bytes[at + 1] === 0x0d && bytes[at + 2] === 0x0a) return at + 3;
  }
  return -1;
}
