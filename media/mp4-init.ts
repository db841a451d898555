import { childBoxes, Mp4Error, payload, type Box } from './mp4-boxes.ts';
import { parseDecoderConfig, type DecoderConfig } from './decoder-config.ts';

export interface VideoTrack extends DecoderConfig {
  id: number;
  timescale: number;
  width: number;
  height: number;
}

interface AudioTrack {
  id: number;
  timescale: number;
  /** FFmpeg's name. */
  codec: string;
}

/** What a fragment leaves out of its own headers (trex). */
export interface SampleDefaults {
  durationTicks: number;
  bytes: number;
  flags: number;
}

export interface Moov {
  video: VideoTrack;
  audio: AudioTrack | null;
  /** By track id. */
  defaults: Map<number, SampleDefaults>;
}

/**
 * Reads the tracks of a fragmented file.
 * @param moov header and payload
 * @throws Mp4Error where there is no H.264 or H.265 video track
 */
export function parseMoov(moov: Buffer): Moov {
  let video: VideoTrack | null = null;
  let audio: AudioTrack | null = null;
  const root = childrenOf(moov, { type: 'moov', offset: 0, headerBytes: headerBytesOf(moov), bytes: moov.length });
  for (const trak of root.filter((box) => box.type === 'trak')) {
    const track = parseTrack(moov, trak);
    if (track !== null && 'width' in track) video ??= track;
    else if (track !== null) audio ??= track;
  }
  if (video === null) throw new Mp4Error('no H.264 or H.265 video track');
  const defaults = new Map<number, SampleDefaults>();
  for (const mvex of root.filter((box) => box.type === 'mvex')) {
    for (const trex of childrenOf(moov, mvex).filter((box) => box.type === 'trex')) {
      const at = payloadAt(trex, 24);
      defaults.set(moov.readUInt32BE(at + 4), {
        durationTicks: moov.readUInt32BE(at + 12),
        bytes: moov.readUInt32BE(at + 16),
        flags: moov.readUInt32BE(at + 20),
      });
    }
  }
  return { video, audio, defaults };
}

function parseTrack(moov: Buffer, trak: Box): VideoTrack | AudioTrack | null {
  const tkhd = payloadAt(find(moov, trak, 'tkhd'), 24);
  const id = moov.readUInt32BE(tkhd + (moov[tkhd] === 1 ? 20 : 12));
  const mdia = find(moov, trak, 'mdia');
  const mdhd = payloadAt(find(moov, mdia, 'mdhd'), 24);
  const timescale = moov.readUInt32BE(mdhd + (moov[mdhd] === 1 ? 20 : 12));
  if (timescale === 0) throw new Mp4Error('a track with timescale 0');
  const stsd = find(moov, find(moov, find(moov, mdia, 'minf'), 'stbl'), 'stsd');
  const entry = childBoxes(moov, payloadAt(stsd, 8) + 8, payload(stsd)[1])[0];
  if (entry === undefined) return null;
  const handler = moov.toString('latin1', payloadAt(find(moov, mdia, 'hdlr'), 12) + 8).slice(0, 4);
  if (handler === 'vide') return parseVideo(moov, entry, id, timescale);
  if (handler === 'soun') return { id, timescale, codec: audioCodecOf(moov, entry) };
  return null;
}

function parseVideo(moov: Buffer, entry: Box, id: number, timescale: number): VideoTrack | null {
  const at = payloadAt(entry, 78);
  for (const box of childBoxes(moov, at + 78, payload(entry)[1])) {
    if (box.type !== 'avcC' && box.type !== 'hvcC') continue;
    const config = parseDecoderConfig(entry.type, box.type, moov.subarray(...payload(box)));
    return { id, timescale, width: moov.readUInt16BE(at + 24), height: moov.readUInt16BE(at + 26), ...config };
  }
  return null;
}

/** Sample entries to FFmpeg's names; `mp4a` says AAC or MP3 in its esds, and we write AAC only. */
function audioCodecOf(moov: Buffer, entry: Box): string {
  const names: Record<string, string> = {
    Opus: 'opus',
    'ac-3': 'ac3',
    '.mp3': 'mp3',
    alaw: 'pcm_alaw',
    ulaw: 'pcm_mulaw',
  };
  if (entry.type !== 'mp4a') return names[entry.type] ?? entry.type.trim();
  const esds = childBoxes(moov, payloadAt(entry, 28) + 28, payload(entry)[1]).find((box) => box.type === 'esds');
  const config = esds === undefined ? Buffer.alloc(0) : moov.subarray(...payload(esds));
  const descriptor = config.indexOf(0x04, 4); // DecoderConfigDescriptor; its length takes up to four bytes
  const type =
    descriptor < 0 ? undefined : config.subarray(descriptor + 1).find((byte) => byte !== 0x80 && byte > 0x1f);
  return type === 0x69 || type === 0x6b ? 'mp3' : 'aac';
}

/** The first child of this type. @throws Mp4Error where there is none */
function find(buffer: Buffer, parent: Box, type: string): Box {
  const box = childrenOf(buffer, parent).find((child) => child.type === type);
  if (box === undefined) throw new Mp4Error(`a ${parent.type} without ${type}`);
  return box;
}

function childrenOf(buffer: Buffer, parent: Box): Box[] {
  return childBoxes(buffer, ...payload(parent));
}

/** Where the payload begins. @throws Mp4Error where it is shorter than `minBytes` */
function payloadAt(box: Box, minBytes: number): number {
  const [start, end] = payload(box);
  if (end - start < minBytes) throw new Mp4Error(`a ${box.type} of ${box.bytes} bytes`);
  return start;
}

function headerBytesOf(box: Buffer): number {
  return box.readUInt32BE(0) === 1 ? 16 : 8;
}
