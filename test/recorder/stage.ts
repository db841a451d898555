import { startCamera, type CameraOptions, type SimulatedCamera } from '../support/camera/start-camera.ts';
import { createSite, type Site } from './host.ts';

/** What a test works with that runs side by side with others. */
export interface Stage {
  site: Site;
  /** One with the usual stream. */
  camera: SimulatedCamera;
  /** Starts another camera; it is closed, as all, when the test ends. */
  open: (options?: CameraOptions) => Promise<SimulatedCamera>;
}

/** Runs a test with a site and cameras of its own, for most of its time is waiting for streams. */
export function onStage<Args extends unknown[]>(
  run: (stage: Stage, ...args: Args) => Promise<void>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    const site = await createSite();
    const cameras: SimulatedCamera[] = [];
    const open: Stage['open'] = async (options) => {
      const camera = await startCamera(options);
      cameras.push(camera);
      return camera;
    };
    try {
      await run({ site, camera: await open(), open }, ...args);
    } finally {
      await site.close();
      await Promise.all(cameras.map((camera) => camera.close()));
    }
  };
}
