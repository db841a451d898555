import { startFfmpeg } from '../../media/ffmpeg.ts';
import { recordArguments } from '../../media/ffmpeg-arguments.ts';
import { startCamera } from '../support/camera/start-camera.ts';

/** A process that records from a socket of its own, as the recorder does through its dialer; prints ffmpeg's pid. */
const [dir = '.', binary = 'ffmpeg'] = process.argv.slice(2);
const camera = await startCamera({ ffmpeg: binary });
const run = startFfmpeg({
  binary,
  args: recordArguments({
    url: camera.url(),
    dir,
    segmentSeconds: 1,
    codec: 'h264',
    audio: 'none',
    audioCodec: null,
    timeoutMs: 5000,
  }),
  onListLine: () => console.log(String(run.pid)),
});
