import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startCamera, type CameraOptions } from '../../test/support/camera/start-camera.ts';
import { isPortFree } from '../embedded/free-ports.ts';
import { demoCameras } from './demo-scenes.ts';

// The simulated cameras of `npm start`: one RTSP server with a path for each. Its port is the one of earlier starts
// unless somebody else has it now; what it is stands in the file it is told.
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '3' },
    port: { type: 'string', default: '0' },
    'port-file': { type: 'string' },
    ffmpeg: { type: 'string', default: 'ffmpeg' },
  },
});

const wanted = Number(values.port);
const port = (await isPortFree(wanted, '127.0.0.1')) ? wanted : 0;
const streams: NonNullable<CameraOptions['streams']> = {};
for (const { path, name, picture } of demoCameras.slice(0, Number(values.count))) {
  streams[path] = { picture, title: name, width: 1280, height: 720, fps: 15, bitrateKbps: 1500, gopSeconds: 2 };
}
const camera = await startCamera({ streams, port, ffmpeg: values.ffmpeg });
if (values['port-file'] !== undefined) writeFileSync(values['port-file'], String(camera.port));
process.stdout.write(`${JSON.stringify({ level: 30, msg: 'demo cameras started', port: camera.port })}\n`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void camera.close().then(() => process.exit(0)));
}
