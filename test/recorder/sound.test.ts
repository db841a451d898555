import { expect, test } from 'vitest';
import type { Fault, StreamOptions } from '../support/camera/start-camera.ts';
import { waitFor } from '../support/system.ts';
import { onStage } from './stage.ts';

const leftOut = 'The camera announces sound and sends none. It is recorded without sound.';

test.concurrent(
  'sound that stops leaves the pictures where they are, none missing (pain 9)',
  onStage(async ({ site, open }) => {
    const recorder = await site.start('a');
    await Promise.all(
      (['aac', 'pcma'] as const).map(async (audio) => {
        const camera = await open({ streams: { '/s': { audio } }, faults: { '/s': { muteAudioAfterMs: 2500 } } });
        const cameraId = await site.addCamera(camera.url(), { audio: 'aac' });
        await recorder.ensure(cameraId, null);
        // A clock that steps is believed after five files.
        await waitFor(`${audio}: segments`, async () => (await site.segments(cameraId)).length >= 7);
        const rows = await site.segments(cameraId);
        expect(rows.filter((row) => row.anchor).length, audio).toBe(1);
        rows.slice(1).forEach((row, i) => expect(row.startMs, audio).toBe(rows[i]?.endMs));
      }),
    );
  }),
  90_000,
);

test.concurrent(
  'sound that never comes, or that nobody knows, costs no picture: it is left out (pain 9)',
  onStage(async ({ site, open }) => {
    const recorder = await site.start('a');
    const awkwardSound: Record<string, { audio: NonNullable<StreamOptions['audio']>; fault: Fault; isKnown: boolean }> =
      {
        'no AAC': { audio: 'aac', fault: { muteAudioAfterMs: 0 }, isKnown: true },
        'no PCMA': { audio: 'pcma', fault: { muteAudioAfterMs: 0 }, isKnown: true },
        'an unknown codec': { audio: 'x-voice', fault: {}, isKnown: false },
      };
    await Promise.all(
      Object.entries(awkwardSound).map(async ([name, { audio, fault, isKnown }]) => {
        const camera = await open({ streams: { '/s': { audio } }, faults: { '/s': fault } });
        const cameraId = await site.addCamera(camera.url(), { audio: 'aac' });
        await recorder.ensure(cameraId, null);
        const alone = await waitFor(`${name}: pictures alone`, async () =>
          (await site.segments(cameraId)).find((row) => row.audioCodec === null),
        );
        await waitFor(`${name}: all told`, async () => recorder.stats().pendingWrites === 0);
        const [, ...gaps] = await site.gaps(cameraId); // the first one is the connect
        const explained = { reason: 'no-media', endMs: alone.startMs, evidence: { lastError: leftOut } };
        expect(gaps, name).toMatchObject(isKnown ? [explained] : []);
      }),
    );
  }),
  90_000,
);
