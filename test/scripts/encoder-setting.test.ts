import { expect, test } from 'vitest';
import { readConfig } from '../../config.ts';

const read = (FRAMEKEEP_ENCODER: string) => readConfig({ FRAMEKEEP_ENCODER }).encoder;

test('the encoders that may work are named, best first whatever the order', () => {
  expect(readConfig({}).encoder).toBe('auto');
  expect(read('auto')).toBe('auto');
  expect(read('none')).toEqual([]);
  expect(read('x264')).toEqual(['x264']);
  expect(read('x264, nvenc,vaapi')).toEqual(['nvenc', 'vaapi', 'x264']);
});

test.each(['auto,x264', 'none,nvenc', 'cuda', ','])('FRAMEKEEP_ENCODER=%s is refused', (text) => {
  expect(() => read(text)).toThrow('FRAMEKEEP_ENCODER');
});
