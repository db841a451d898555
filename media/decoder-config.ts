import { Mp4Error } from './mp4-boxes.ts';

/** What avcC or hvcC tell a decoder. */
export interface DecoderConfig {
  codec: 'h264' | 'hevc';
  /** RFC 6381. */
  codecTag: string;
  /** Bytes of the length before each NAL unit of a sample. */
  nalLengthBytes: number;
  /** VPS, SPS and PPS, NAL header included. */
  parameterSets: Buffer[];
}

/** @throws Mp4Error where the box is cut off */
export function parseDecoderConfig(entryType: string, boxType: 'avcC' | 'hvcC', config: Buffer): DecoderConfig {
  try {
    return boxType === 'avcC' ? parseAvc(entryType, config) : parseHevc(entryType, config);
  } catch (error) {
    if (error instanceof RangeError) throw new Mp4Error(`the ${boxType} is cut off`);
    throw error;
  }
}

function parseAvc(entryType: string, config: Buffer): DecoderConfig {
  const parameterSets: Buffer[] = [];
  let at = 5;
  for (const countMask of [0x1f, 0xff]) {
    const count = config.readUInt8(at) & countMask;
    at = readSets(config, at + 1, count, parameterSets);
  }
  return {
    codec: 'h264',
    codecTag: `${entryType}.${config.toString('hex', 1, 4)}`,
    nalLengthBytes: (config.readUInt8(4) & 3) + 1,
    parameterSets,
  };
}

function parseHevc(entryType: string, config: Buffer): DecoderConfig {
  const parameterSets: Buffer[] = [];
  const arrays = config.readUInt8(22);
  let at = 23;
  for (let i = 0; i < arrays; i++) at = readSets(config, at + 3, config.readUInt16BE(at + 1), parameterSets);
  return {
    codec: 'hevc',
    codecTag: `${entryType}.${hevcTag(config)}`,
    nalLengthBytes: (config.readUInt8(21) & 3) + 1,
    parameterSets,
  };
}

function readSets(config: Buffer, start: number, count: number, sets: Buffer[]): number {
  let at = start;
  for (let i = 0; i < count; i++) {
    const end = at + 2 + config.readUInt16BE(at);
    if (end > config.length) throw new RangeError('cut off');
    sets.push(Buffer.from(config.subarray(at + 2, end)));
    at = end;
  }
  return at;
}

/** ISO/IEC 14496-15 annex E, e.g. `1.6.L93.B0`: profile, compatibility flags reversed, tier and level, constraints. */
function hevcTag(config: Buffer): string {
  const profile = config.readUInt8(1);
  const space = ['', 'A', 'B', 'C'][profile >> 6] ?? '';
  const flags = config.readUInt32BE(2).toString(2).padStart(32, '0');
  const reversed = Number.parseInt(flags.split('').toReversed().join(''), 2);
  const tier = (profile & 0x20) === 0 ? 'L' : 'H';
  const constraints = [...config.subarray(6, 12)];
  while (constraints.length > 0 && constraints[constraints.length - 1] === 0) constraints.pop();
  return [
    `${space}${profile & 0x1f}`,
    reversed.toString(16).toUpperCase(),
    `${tier}${config.readUInt8(12)}`,
    ...constraints.map((byte) => byte.toString(16).toUpperCase()),
  ].join('.');
}
