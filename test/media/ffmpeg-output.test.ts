import { describe, expect, it } from 'vitest';
import { cleanStderr, createProgressReader, parseListLine, type Progress } from '../../media/ffmpeg-output.ts';
import { createLineSplitter } from '../../media/lines.ts';

it('reads the list of segments', () => {
  expect(parseListLine('12.mp4,40.000000,44.033333')).toEqual({ file: '12.mp4', startS: 40, endS: 44.033333 });
  expect(parseListLine('"0.mp4",-0.04,4')).toEqual({ file: '0.mp4', startS: -0.04, endS: 4 });
  expect(parseListLine('0.mp4')).toBeNull();
  expect(parseListLine('')).toBeNull();
});

it('reads blocks of progress, with what ffmpeg does not know as null', () => {
  const blocks: Progress[] = [];
  const read = createProgressReader((block) => blocks.push(block));
  for (const line of ['frame=190', 'total_size=N/A', 'out_time_us=6300000', 'speed=   1x', 'progress=continue'])
    read(line);
  for (const line of ['nonsense', 'frame=200', 'total_size=77', 'out_time_us=N/A', 'progress=end']) read(line);
  expect(blocks).toEqual([
    { outTimeMs: 6300, totalBytes: null, frames: 190, end: false },
    { outTimeMs: null, totalBytes: 77, frames: 200, end: true },
  ]);
});

describe('cleanStderr', () => {
  it('drops what comes once a file, and twice a packet after a repaired clock step', () => {
    expect(
      cleanStderr('[mp4 @ 0x1] [warning] No meaningful edit list will be written when using empty_moov'),
    ).toBeNull();
    expect(cleanStderr('[warning] DTS 4237502462, next:8447875 st:1 invalid dropping')).toBeNull();
    expect(cleanStderr('[warning] PTS 4237502462, next:8447875 invalid dropping st:1')).toBeNull();
  });

  it('takes logins out of all else', () => {
    expect(cleanStderr('[error] rtsp://admin:p@ss@10.0.0.9/live: Connection refused')).toBe(
      '[error] rtsp://10.0.0.9/live: Connection refused',
    );
  });
});

describe('createLineSplitter', () => {
  it('joins lines over chunks and gives the rest at the end', () => {
    const lines: string[] = [];
    const splitter = createLineSplitter((line) => lines.push(line));
    for (const chunk of ['a', 'b\r\nc\n\nd', 'e']) splitter.push(chunk);
    expect(lines).toEqual(['ab', 'c']);
    splitter.end();
    expect(lines).toEqual(['ab', 'c', 'de']);
  });

  it('keeps no more than 8 kB of a line that never ends', () => {
    const lines: string[] = [];
    const splitter = createLineSplitter((line) => lines.push(line));
    for (let i = 0; i < 100; i++) splitter.push('x'.repeat(1000));
    splitter.end();
    expect(lines.map((line) => line.length)).toEqual([8192]);
  });
});
