declare module 'm3u8-parser' {
  interface ByteRange {
    offset: number;
    length: number;
  }
  interface Manifest {
    endList: boolean;
    targetDuration: number;
    segments: {
      uri: string;
      duration: number;
      byterange?: ByteRange;
      map?: { uri: string; byterange?: ByteRange };
      discontinuity?: boolean;
      /** ms since 1970, carried on from the last one that was given. */
      programDateTime?: number;
    }[];
  }
  export class Parser {
    manifest: Manifest;
    push(text: string): void;
    end(): void;
  }
}
