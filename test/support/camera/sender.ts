import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Fault } from './faults.ts';
import { fillerNal } from './nal-units.ts';
import { videoPayloadType } from './loop.ts';
import { packetise, stamped, type Packets } from './packets.ts';
import { senderReport } from './rtcp.ts';
import type { LiveAudio, Listener, LivePicture, Source } from './source.ts';

/** A picture that was written to a client. */
export interface SentFrame {
  path: string;
  /** Number of the connection, from 1. */
  client: number;
  /** What the picture's counter shows. */
  counter: number;
  /** The counter, counted on across repetitions of the loop. */
  index: number;
  key: boolean;
  timestamp: number;
  /** Wall clock, ms since 1970. */
  atMs: number;
}

/** The RTP side of one track: which channel, and what the next packet carries. */
export interface Track {
  channel: number;
  sequence: number;
  ssrc: number;
  packets: number;
  bytes: number;
}

export function createTrack(channel: number): Track {
  return { channel, sequence: randomInt(65_536), ssrc: randomInt(2 ** 32), packets: 0, bytes: 0 };
}

export interface SenderOptions {
  socket: Socket;
  source: Source;
  fault: () => Fault;
  video: Track | null;
  audio: Track | null;
  startAt: 'key' | 'any';
  /** Whether the camera hangs: nothing is sent, and sending goes on at a key picture. */
  hangs: () => boolean;
  clockMs: () => number;
  sent: (frame: Omit<SentFrame, 'path' | 'client'>) => void;
  maxQueuedBytes: number;
}

/** RTCP sender reports go out this often (RFC 3550's usual interval). */
const reportEveryMs = 5000;

/** Sends a source's media to one client, with the path's faults. */
export function createSender(options: SenderOptions): { stop(): void } {
  const { socket, source } = options;
  const startedAtMs = performance.now();
  let waitForKey = options.startAt === 'key';
  let reportAtMs = 0;
  let garbageAtMs = 0;
  let stopped = false;
  const later: { atMs: number; write: () => void }[] = [];
  let laterTimer: NodeJS.Timeout | null = null;
  let budgetBytes = 0;
  let budgetAtMs = startedAtMs;

  const playedMs = (): number => performance.now() - startedAtMs;
  const stalls = (): boolean =>
    options.hangs() || options.fault().noMedia === true || playedMs() >= (options.fault().stallAfterMs ?? Infinity);

  const isMute = (): boolean => playedMs() >= (options.fault().muteAudioAfterMs ?? Infinity);

  function write(track: Track, packets: Packets, timestamp: number): void {
    const { channel, sequence, ssrc } = track;
    socket.write(stamped(packets, { channel, sequence, timestamp, ssrc }));
    track.sequence = (sequence + packets.offsets.length) & 0xffff;
    track.packets += packets.offsets.length;
    track.bytes += packets.bytes.length - 16 * packets.offsets.length;
    if (socket.writableLength > options.maxQueuedBytes) socket.destroy(); // the client is gone or far too slow
  }

  function writeExtras(): void {
    const nowMs = performance.now();
    const every = options.fault().garbageEveryMs;
    if (every !== undefined && nowMs >= garbageAtMs) {
      if (garbageAtMs > 0) socket.write(Buffer.from(Array.from({ length: 200 }, () => 0x80 | randomInt(128))));
      garbageAtMs = nowMs + every;
    }
    if (nowMs < reportAtMs) return;
    reportAtMs = nowMs + reportEveryMs;
    const timestamps = source.timestamps();
    const wallMs = Date.now() + options.clockMs();
    if (options.video !== null) socket.write(senderReport(options.video, timestamps.video, wallMs));
    if (options.audio !== null) socket.write(senderReport(options.audio, timestamps.audio, wallMs));
  }

  /** Whether a throttled camera still has room for this many bytes. */
  function affordable(bytes: number): boolean {
    const rate = options.fault().maxBytesPerSecond;
    if (rate === undefined) return true;
    const nowMs = performance.now();
    budgetBytes = Math.min(rate, budgetBytes + ((nowMs - budgetAtMs) * rate) / 1000);
    budgetAtMs = nowMs;
    if (bytes > budgetBytes) return false;
    budgetBytes -= bytes;
    return true;
  }

  function writePicture(picture: LivePicture): void {
    if (stopped || options.video === null || !socket.writable) return;
    const { unit, timestamp, index } = picture;
    if (stalls()) {
      waitForKey = true;
      return;
    }
    if (options.fault().neverKey === true ? unit.key : waitForKey && !unit.key) return;
    if (!affordable(unit.packets.bytes.length)) {
      waitForKey = true;
      return;
    }
    waitForKey = false;
    writeExtras();
    write(options.video, padded(picture, options.fault().padToKbps), timestamp);
    options.sent({ counter: unit.counter, index, key: unit.key, timestamp, atMs: Date.now() });
  }

  /** Runs at once, or as late as the path's jitter and bursts want, in order. */
  function schedule(run: () => void): void {
    const { jitterMs, burstEveryMs } = options.fault();
    if (jitterMs === undefined && burstEveryMs === undefined && later.length === 0) return run();
    const nowMs = performance.now();
    const jittered = nowMs + (jitterMs === undefined ? 0 : randomInt(jitterMs + 1));
    const wantedMs = burstEveryMs === undefined ? jittered : Math.ceil(nowMs / burstEveryMs) * burstEveryMs;
    later.push({ atMs: Math.max(wantedMs, later.at(-1)?.atMs ?? 0), write: run });
    laterTimer ??= setTimeout(flush, wantedMs - nowMs);
  }

  function flush(): void {
    laterTimer = null;
    while (later.length > 0 && (later[0]?.atMs ?? 0) <= performance.now()) later.shift()?.write();
    const first = later[0];
    if (first !== undefined) laterTimer = setTimeout(flush, Math.max(0, first.atMs - performance.now()));
  }

  const listener: Listener = {
    picture: (picture) => schedule(() => writePicture(picture)),
    audio: (audio: LiveAudio) =>
      schedule(() => {
        if (stopped || options.audio === null || !socket.writable || stalls() || isMute()) return;
        write(options.audio, audio.packets, audio.timestamp);
      }),
  };
  source.listen(listener);

  return {
    stop() {
      stopped = true;
      source.unlisten(listener);
      if (laterTimer !== null) clearTimeout(laterTimer);
    },
  };
}

/** The picture's packets, followed by filler data up to its share of the rate. */
function padded({ unit, loop }: LivePicture, kbps: number | undefined): Packets {
  const wanted = kbps === undefined ? 0 : (kbps * 125) / loop.options.fps;
  const missing = Math.floor(wanted - unit.packets.bytes.length);
  if (missing < 64) return unit.packets;
  const filler = packetise([fillerNal(missing, loop.options.codec)], loop.options.codec, videoPayloadType);
  const picture = Buffer.from(unit.packets.bytes);
  const last = unit.packets.offsets.at(-1) ?? 0;
  picture[last + 5] = videoPayloadType; // the marker bit is on the filler's last packet now
  return {
    bytes: Buffer.concat([picture, filler.bytes]),
    offsets: [...unit.packets.offsets, ...filler.offsets.map((at) => at + picture.length)],
  };
}
