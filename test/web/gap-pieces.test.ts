import fc from 'fast-check';
import { expect, test } from 'vitest';
import { footageSpan, gapPieces, type Gap } from '../../web/gap-pieces.ts';

const gap = (startMs: number, endMs: number | null, owner: Gap['owner'] = 'camera'): Gap => ({
  startMs,
  endMs,
  owner,
  reason: 'closed',
  lastError: null,
  attempts: null,
});

test('gaps are clipped to the range, an open one reaches its end', () => {
  const pieces = gapPieces([gap(0, 150), gap(300, null)], 100, 400, 1);
  expect(pieces.map(({ startMs, endMs, open }) => [startMs, endMs, open])).toEqual([
    [100, 150, false],
    [300, 400, true],
  ]);
});

test('gaps closer than a pixel are joined under the owner that lost most', () => {
  const [piece, ...rest] = gapPieces([gap(0, 10), gap(15, 45, 'service'), gap(47, 50)], 0, 100, 8);
  expect(rest).toEqual([]);
  expect(piece).toMatchObject({ startMs: 0, endMs: 50, count: 3, lostMs: 43, main: { owner: 'service' } });
});

test('joining never hides or adds loss', () => {
  const lengths = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 })), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 60 }), (steps, resMs) => {
      let at = 0;
      const gaps = steps.map(([footage, lost]) => {
        const startMs = at + footage;
        at = startMs + lost;
        return gap(startMs, at);
      });
      const pieces = gapPieces(gaps, 0, at + 1, resMs);
      const lost = (list: { lostMs: number }[]) => list.reduce((sum, { lostMs }) => sum + lostMs, 0);
      expect(lost(pieces)).toBe(lost(steps.map(([, lostMs]) => ({ lostMs }))));
      expect(pieces.reduce((sum, { count }) => sum + count, 0)).toBe(gaps.length);
      for (const [index, piece] of pieces.entries()) {
        const before = pieces[index - 1];
        if (before !== undefined) expect(piece.startMs - before.endMs).toBeGreaterThanOrEqual(resMs);
      }
    }),
  );
});

test('footage lies between creation and the end of what is committed', () => {
  const camera = { createdAt: '2026-11-17T11:00:00.000Z', lastSegmentEndAt: '2026-11-17T12:00:00.000Z' };
  const at = (text: string) => Date.parse(`2026-11-17T${text}:00.000Z`);
  expect(footageSpan(camera, at('10:00'), at('11:30'))).toEqual({ startMs: at('11:00'), endMs: at('11:30') });
  expect(footageSpan(camera, at('12:00'), at('13:00'))).toBeNull();
  expect(footageSpan({ ...camera, lastSegmentEndAt: null }, at('10:00'), at('13:00'))).toBeNull();
});
