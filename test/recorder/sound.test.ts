import { expect, test } from 'vitest';
import { claimsBetween } from '../../db/gaps.ts';
import type { Gap } from '../../domain/gaps.ts';
import type { Recorder } from '../../recorder/recorder.ts';
import type { Fault, StreamOptions } from '../support/camera/start-camera.ts';
import { waitFor } from '../support/system.ts';
import type { Site } from './host.ts';
import { onStage } from './stage.ts';

const leftOut =
  /^(The camera sends none of the sound that it announces|No picture within \d+ s)\. It is recorded without sound\.$/;

const isAlone = async (site: Site, cameraId: string) =>
  (await site.segments(cameraId)).some((row) => row.audioCodec === null);

/** What is told of the sound, once all is; a break may be too short to be a gap. */
async function told(site: Site, cameraId: string, recorder: Recorder): Promise<{ claims: string[]; gaps: string[] }> {
  await waitFor('all told', async () => recorder.stats().pendingWrites === 0);
  const claims = await claimsBetween(site.database.pool, cameraId, 0, Date.now());
  const [, ...gaps] = await site.gaps(cameraId); // the first one is the connect
  const reason = ({ evidence }: Pick<Gap, 'evidence'>): string => evidence.lastError ?? '';
  return { claims: claims.map(reason), gaps: gaps.map(reason) };
}

test.concurrent(
  'sound that stops leaves the pictures where they are, and is left out after a while (pain 9)',
  onStage(async ({ site, open }) => {
    const recorder = await site.start('a');
    await Promise.all(
      (['aac', 'pcma'] as const).map(async (audio) => {
        const camera = await open({ streams: { '/s': { audio } }, faults: { '/s': { muteAudioAfterMs: 2500 } } });
        const cameraId = await site.addCamera(camera.url(), { audio: 'aac' });
        await recorder.ensure(cameraId, null);
        // A clock that steps is believed after five files.
        await waitFor(`${audio}: segments`, async () => (await site.segments(cameraId)).length >= 7, 75_000);
        const rows = (await site.segments(cameraId)).filter((row) => row.audioCodec === 'aac');
        expect(rows.filter((row) => row.anchor).length, audio).toBe(1);
        rows.slice(1).forEach((row, i) => expect(row.startMs, audio).toBe(rows[i]?.endMs));
        // A browser shows no picture past the end of the sound in the same stream.
        await waitFor(`${audio}: pictures alone`, () => isAlone(site, cameraId), 75_000);
        const { claims, gaps } = await told(site, cameraId, recorder);
        expect(claims, audio).toContainEqual(expect.stringMatching(leftOut));
        expect(
          gaps.filter((why) => !leftOut.test(why)),
          audio,
        ).toEqual([]);
      }),
    );
  }),
  120_000,
);

test.concurrent(
  'sound that never comes, or that nobody can read, keeps no picture waiting: it is left out (pain 9)',
  onStage(async ({ site, open }) => {
    const recorder = await site.start('a');
    const awkwardSound: Record<string, { audio: NonNullable<StreamOptions['audio']>; fault: Fault; isKnown: boolean }> =
      {
        'no AAC': { audio: 'aac', fault: { muteAudioAfterMs: 0 }, isKnown: true },
        'no PCMA': { audio: 'pcma', fault: { muteAudioAfterMs: 0 }, isKnown: true },
        'an unknown codec': { audio: 'x-voice', fault: {}, isKnown: false },
        'sound that cannot be decoded': { audio: 'opus', fault: {}, isKnown: true },
      };
    await Promise.all(
      Object.entries(awkwardSound).map(async ([name, { audio, fault, isKnown }]) => {
        const camera = await open({ streams: { '/s': { audio } }, faults: { '/s': fault } });
        const cameraId = await site.addCamera(camera.url(), { audio: 'aac' });
        await recorder.ensure(cameraId, null);
        await waitFor(`${name}: pictures alone`, () => isAlone(site, cameraId), 75_000);
        const { claims, gaps } = await told(site, cameraId, recorder);
        expect(
          claims.some((why) => leftOut.test(why)),
          name,
        ).toBe(isKnown);
        expect(
          gaps.filter((why) => !leftOut.test(why)),
          name,
        ).toEqual([]);
      }),
    );
  }),
  120_000,
);
