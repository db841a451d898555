import { expect } from 'vitest';
import { recordMade } from '../media/footage.ts';
import { createFinishSite, t0, type SiteCamera } from './finish-site.ts';

export type ReencodeSite = Awaited<ReturnType<typeof createReencodeSite>>;

/** Cameras with finished footage, and a profile to encode it again by. */
export async function createReencodeSite(windowMs: number) {
  const site = await createFinishSite();
  const footage = await recordMade(site.dir, 'main', { seconds: 8, fps: 25, gop: 50 });
  const smaller = await site.profile('smaller', { mode: 'encode', height: 90, fps: 5, bitrateKbps: 64 });

  /** A camera with one final of 8 s in each of so many windows. */
  async function cameraWith(finals: number): Promise<SiteCamera> {
    const camera = await site.addCamera('original');
    for (let i = 0; i < finals; i++) await site.commit(camera, footage, { startMs: t0 + i * windowMs, windowMs });
    await site.finishAll();
    expect((await site.rows(camera)).length).toBe(finals);
    return camera;
  }

  return { ...site, footage, smaller, cameraWith };
}
