export type Codec = 'h264' | 'hevc';

const startCode = Buffer.from([0, 0, 1]);

/** Splits Annex B bytes into NAL units without start codes. */
export function splitNals(bytes: Buffer): Buffer[] {
  const nals: Buffer[] = [];
  let start = bytes.indexOf(startCode);
  while (start >= 0) {
    const next = bytes.indexOf(startCode, start + 3);
    let end = next < 0 ? bytes.length : next;
    while (end > start + 3 && bytes[end - 1] === 0) end -= 1;
    if (end > start + 3) nals.push(bytes.subarray(start + 3, end));
    start = next;
  }
  return nals;
}

export function nalType(nal: Buffer, codec: Codec): number {
  const first = nal[0] ?? 0;
  return codec === 'h264' ? first & 0x1f : (first >> 1) & 0x3f;
}

/** IDR (H.264) or an intra random access picture (H.265). */
export function isKeySlice(nal: Buffer, codec: Codec): boolean {
  const type = nalType(nal, codec);
  return codec === 'h264' ? type === 5 : type >= 16 && type <= 21;
}

/** SPS and PPS, with VPS first for H.265. */
export function isParameterSet(nal: Buffer, codec: Codec): boolean {
  const type = nalType(nal, codec);
  return codec === 'h264' ? type === 7 || type === 8 : type >= 32 && type <= 34;
}

/** Access unit delimiters: real cameras leave them out of RTP. */
export function isDelimiter(nal: Buffer, codec: Codec): boolean {
  return nalType(nal, codec) === (codec === 'h264' ? 9 : 35);
}

/** A NAL unit of filler data: padding that decoders skip. */
export function fillerNal(bytes: number, codec: Codec): Buffer {
  const header = codec === 'h264' ? [12] : [38 << 1, 1];
  const nal = Buffer.alloc(Math.max(bytes, header.length + 1), 0xff);
  nal.set(header);
  nal[nal.length - 1] = 0x80;
  return nal;
}
