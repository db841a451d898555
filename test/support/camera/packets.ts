import type { Codec } from './nal-units.ts';

/** RTP packets of one access unit, each in RTSP's `$` frame, ready to be copied, stamped and written. */
export interface Packets {
  bytes: Buffer;
  /** Where each `$` frame starts. */
  offsets: number[];
}

/** What differs from client to client. */
export interface Stamp {
  channel: number;
  /** Of the first packet; modulo 65,536. */
  sequence: number;
  /** Modulo 2^32. */
  timestamp: number;
  ssrc: number;
}

/** Payload bytes a packet: below every usual MTU. */
const maxPayloadBytes = 1400;
const framedHeaderBytes = 4 + 12;
const marker = 0x80;

/** NAL units to packets: single where they fit, else FU-A (H.264) or FU (H.265). The marker bit is on the last one. */
export function packetise(nals: Buffer[], codec: Codec, payloadType: number, options = { marker: true }): Packets {
  const payloads = nals.flatMap((nal) => (codec === 'h264' ? h264Payloads(nal) : hevcPayloads(nal)));
  return frame(payloads, payloadType, options.marker);
}

/** Each payload becomes one packet; the marker bit is on the last one. */
export function frame(payloads: Buffer[], payloadType: number, markLast: boolean): Packets {
  const total = payloads.reduce((sum, payload) => sum + framedHeaderBytes + payload.length, 0);
  const bytes = Buffer.alloc(total);
  const offsets: number[] = [];
  let at = 0;
  payloads.forEach((payload, index) => {
    offsets.push(at);
    bytes[at] = 0x24;
    bytes.writeUInt16BE(12 + payload.length, at + 2);
    bytes[at + 4] = 0x80;
    bytes[at + 5] = payloadType | (markLast && index === payloads.length - 1 ? marker : 0);
    payload.copy(bytes, at + framedHeaderBytes);
    at += framedHeaderBytes + payload.length;
  });
  return { bytes, offsets };
}

/** A client's own copy of the packets. */
export function stamped(packets: Packets, stamp: Stamp): Buffer {
  const bytes = Buffer.from(packets.bytes);
  packets.offsets.forEach((at, index) => {
    bytes[at + 1] = stamp.channel;
    bytes.writeUInt16BE((stamp.sequence + index) & 0xffff, at + 6);
    bytes.writeUInt32BE(stamp.timestamp, at + 8);
    bytes.writeUInt32BE(stamp.ssrc, at + 12);
  });
  return bytes;
}

function h264Payloads(nal: Buffer): Buffer[] {
  if (nal.length <= maxPayloadBytes) return [nal];
  const header = nal[0] ?? 0;
  const indicator = (header & 0xe0) | 28;
  return pieces(nal.subarray(1), maxPayloadBytes - 2).map(({ piece, edge }) =>
    Buffer.concat([Buffer.from([indicator, edge | (header & 0x1f)]), piece]),
  );
}

function hevcPayloads(nal: Buffer): Buffer[] {
  if (nal.length <= maxPayloadBytes) return [nal];
  const first = nal[0] ?? 0;
  const type = (first >> 1) & 0x3f;
  const indicator = [(first & 0x81) | (49 << 1), nal[1] ?? 0];
  return pieces(nal.subarray(2), maxPayloadBytes - 3).map(({ piece, edge }) =>
    Buffer.concat([Buffer.from([...indicator, edge | type]), piece]),
  );
}

/** Fragments with the start (0x80) and end (0x40) bits of FU headers. */
function pieces(body: Buffer, bytes: number): { piece: Buffer; edge: number }[] {
  const count = Math.ceil(body.length / bytes);
  return Array.from({ length: count }, (_, index) => ({
    piece: body.subarray(index * bytes, (index + 1) * bytes),
    edge: (index === 0 ? 0x80 : 0) | (index === count - 1 ? 0x40 : 0),
  }));
}
